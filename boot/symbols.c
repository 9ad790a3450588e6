// SPDX-License-Identifier: MIT
/* Builds the block of names for the VMM: from the maps of the key `symbols`, and from the images that the firmware has loaded. */
#include <lib/string.h>
#include "loader.h"
#include "symbol_map.h"

#define FILE_MAX  (64u << 20)
#define TOTAL_MAX (64u << 20) /* bytes of all tables together */

/* The block, in memory of the firmware's. */
struct names {
	struct names_block *block;
	uint64_t size;
};

static void *take(uint64_t bytes)
{
	EFI_PHYSICAL_ADDRESS at;

	if (EFI_ERROR(BS->AllocatePages(AllocateAnyPages, EfiLoaderData, EFI_SIZE_TO_PAGES(bytes), &at)))
		return NULL;
	memset((void *)at, 0, bytes);
	return (void *)at;
}

static void give(void *at, uint64_t bytes)
{
	if (at)
		memory_free((uint64_t)at, bytes);
}

/* Makes the block larger. It moves. */
static bool grow(struct names *n, uint64_t bytes)
{
	void *larger = n->size + bytes <= TOTAL_MAX ? take(n->size + bytes) : NULL;

	if (!larger)
		return false;
	memcpy(larger, n->block, n->size);
	give(n->block, n->size);
	n->block = larger;
	n->size += bytes;
	return true;
}

/* Reports how many names a file gives, and what was left out. */
static void say_map(const char *path, const struct symbol_map *m, uint64_t bytes)
{
	say("symbols %s: %u names in %u KiB; left out: %u not code, %u second names, %u of modules, %u too "
	    "far from the "
	    "others, %u other lines; cut: %u long names",
		path, m->names, (unsigned)((bytes + 1023) >> 10), m->data, m->aliases, m->modules, m->far,
		m->bad, m->cut);
}

static void put(struct names *n, const struct names_map *item, const char *path, const struct symbol_map *m)
{
	uint64_t at = n->size, bytes = symbol_map_size(m);

	if (!m->names) {
		say("symbols %s: it has no line of a function (address, type t or T, name); no names are "
		    "taken from it",
			path);
		return;
	}
	if (!grow(n, bytes)) {
		say("symbols %s: no memory for %u KiB of names; no names are taken from it", path,
			(unsigned)((bytes + 1023) >> 10));
		return;
	}
	n->block->map[n->block->maps] = *item;
	symbol_map_put(m, &n->block->map[n->block->maps], n->block, (uint32_t)at);
	n->block->maps++;
	say_map(path, m, bytes);
}

static void read_map(
	struct names *n, const struct names_map *item, const char *path, const char *text, uint64_t size)
{
	uint64_t bytes = symbol_map_lines(text, size) * sizeof(struct symbol_line);
	struct symbol_line *line = take(bytes);
	struct symbol_map m;

	if (!line) {
		say("symbols %s: no memory to read it; no names are taken from it", path);
		return;
	}
	symbol_map_read(&m, text, size, line);
	put(n, item, path, &m);
	give(line, bytes);
}

static void add_map(const struct loader *l, struct names *n, const struct names_map *item, const char *path)
{
	UINTN size;
	char *text;
	EFI_STATUS status = file_size(l, path, &size);

	if (!EFI_ERROR(status) && (!size || size > FILE_MAX)) {
		say("symbols %s: a file of %lu bytes is not read; no names are taken from it", path,
			(unsigned long)size);
		return;
	}
	text = EFI_ERROR(status) ? NULL : take(size);
	if (!EFI_ERROR(status)) {
		CHAR16 wide[LOADER_PATH_MAX];

		file_path(wide, path);
		status = text ? file_read(l, wide, text, size, &size) : EFI_OUT_OF_RESOURCES;
	}
	if (EFI_ERROR(status))
		say("symbols %s: it cannot be read (%s); no names are taken from it", path,
			say_status(status));
	else
		read_map(n, item, path, text, size);
	give(text, size);
}

static void add_maps(const struct loader *l, struct names *n)
{
	const char *rest = l->config.symbols, *why;
	char path[CONFIG_PATH_MAX];
	struct names_map item;

	while (symbol_map_item(&rest, path, sizeof(path), &item, &why)) {
		if (!why && n->block->maps == NAMES_MAPS)
			why = "there are too many maps";
		if (why)
			say("symbols %s: %s; no names are taken from it", path, why);
		else
			add_map(l, n, &item, path);
	}
}

void symbols_load(const struct loader *l, struct boot_info *info)
{
	struct names n = {.size = sizeof(struct names_block)};

	n.block = take(n.size);
	if (!n.block)
		return;
	images_list(n.block);
	add_maps(l, &n);
	info->names_base = (uint64_t)n.block;
	info->names_size = n.size;
}

void symbols_release(struct boot_info *info)
{
	give((void *)info->names_base, info->names_size);
	info->names_size = 0;
}
