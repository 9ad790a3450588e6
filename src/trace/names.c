// SPDX-License-Identifier: MIT
#include "trace/names.h"
#include <stdatomic.h>
#include "lib/string.h"

#define KNOWN 1ull /* bit 0 of a slide: a slide is a multiple of a page */

static struct names_block *block;
static _Atomic uint64_t slides[NAMES_MAPS];

struct names_block *names_block(void)
{
	return block;
}

/* Gives the maps of an image their slide. */
static void settle(const struct names_image *i)
{
	for (unsigned n = 0; n < block->maps; n++)
		if (block->map[n].how == NAMES_OF_IMAGE && !strcmp(block->map[n].image, i->name))
			names_set_slide(n, i->base);
}

void names_init(struct names_block *b)
{
	block = b;
	for (unsigned n = 0; n < NAMES_MAPS; n++) {
		names_forget_slide(n);
		if (b && n < b->maps && b->map[n].how == NAMES_GIVEN)
			names_set_slide(n, b->map[n].slide);
	}
	for (unsigned n = 0; b && n < b->images; n++)
		settle(&b->image[n]);
}

static const uint32_t *numbers(const struct names_block *b, uint32_t at)
{
	return (const uint32_t *)((const char *)b + at);
}

/* The last entry at or below a distance from the base. The first entry has distance 0. */
static uint32_t last_below(const struct names_block *b, const struct names_map *m, uint32_t distance)
{
	const uint32_t *offset = numbers(b, m->offsets);
	uint32_t low = 0, high = m->count;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (offset[middle] <= distance)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Starts at the nearest name whose place is stored, and steps over the names between. */
static const char *text_of(const struct names_block *b, const struct names_map *m, uint32_t entry)
{
	const char *at = (const char *)b + m->strings + numbers(b, m->places)[entry / NAMES_STRIDE];

	for (uint32_t n = entry % NAMES_STRIDE; n; n--)
		at += strlen(at) + 1;
	return at;
}

bool names_map_entry(
	const struct names_block *b, const struct names_map *m, uint64_t address, uint32_t *entry)
{
	uint64_t distance = address - m->base;

	if (!m->count || distance > UINT32_MAX)
		return false;
	*entry = last_below(b, m, (uint32_t)distance);
	return true;
}

bool names_map_find(
	const struct names_block *b, const struct names_map *m, uint64_t address, struct name *out)
{
	uint32_t entry;

	if (!names_map_entry(b, m, address, &entry))
		return false;
	out->text = text_of(b, m, entry);
	out->offset = address - m->base - numbers(b, m->offsets)[entry];
	return *out->text != '\0';
}

bool names_map_starts(const struct names_block *b, const struct names_map *m, uint64_t address)
{
	uint32_t entry;

	return names_map_entry(b, m, address, &entry) && numbers(b, m->offsets)[entry] == address - m->base &&
	       *text_of(b, m, entry);
}

void names_set_slide(unsigned n, uint64_t slide)
{
	atomic_store(&slides[n], slide | KNOWN);
}

void names_forget_slide(unsigned n)
{
	atomic_store(&slides[n], 0);
}

bool names_slide(unsigned n, uint64_t *slide)
{
	uint64_t s = atomic_load(&slides[n]);

	*slide = s & ~KNOWN;
	return s & KNOWN;
}

bool names_find(uint64_t address, struct name *out)
{
	uint64_t slide;

	for (unsigned n = 0; block && n < block->maps; n++)
		if (names_slide(n, &slide) && names_map_find(block, &block->map[n], address - slide, out))
			return true;
	return false;
}

/* The newest image wins: firmware reuses memory. */
bool names_image(uint64_t address, struct name *out)
{
	for (unsigned n = block ? block->images : 0; n--;) {
		const struct names_image *i = &block->image[n];

		if (address - i->base >= i->size)
			continue;
		*out = (struct name){i->name, address - i->base};
		return true;
	}
	return false;
}

static void keep_name(char to[NAMES_IMAGE_MAX], const char *name)
{
	unsigned n = 0;

	for (; n < NAMES_IMAGE_MAX - 1 && name[n]; n++)
		to[n] = name[n] > ' ' && name[n] <= '~' && name[n] != '"' && name[n] != '\\' ? name[n] : '.';
	to[n] = '\0';
}

/* The entry of the image at this base, or a new one. */
static unsigned place_for(uint64_t base)
{
	for (unsigned n = 0; n < block->images; n++)
		if (block->image[n].base == base)
			return n;
	return block->images;
}

bool names_add_image(const char *name, uint64_t base, uint64_t size)
{
	unsigned n = block ? place_for(base) : NAMES_IMAGES;

	if (n == NAMES_IMAGES)
		return false;
	block->image[n].size = 0; /* no address matches while the entry changes */
	block->image[n].base = base;
	keep_name(block->image[n].name, name);
	__atomic_store_n(&block->image[n].size, size, __ATOMIC_RELEASE);
	if (n == block->images)
		__atomic_store_n(&block->images, n + 1, __ATOMIC_RELEASE);
	settle(&block->image[n]);
	return true;
}

void name_add(struct text *t, const struct name *n)
{
	text_add_string(t, n->text);
	text_add_char(t, '+');
	text_add_hex(t, n->offset);
}
