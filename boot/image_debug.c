// SPDX-License-Identifier: MIT
/* The debug directory of a PE32+ image: Microsoft's "PE Format", "Optional header" and "The .debug section". */
#include "images.h"
#include "lib/string.h"

#define OPTIONAL_HEADER 24 /* after the signature and the file header */
#define PE32_PLUS       0x20b
/* Offset in the optional header; the number of directories is in the 4 bytes before it. */
#define DIRECTORIES  112
#define DEBUG        6
#define ENTRY        28
#define ENTRIES_MOST 16
#define CODEVIEW     2
#define NB10         0x3031424e /* edk2's GenFw writes entries of the types NB10, RSDS and MTOC. */
#define RSDS         0x53445352
#define MTOC         0x434f544d

/* The image: word() and keep() read only within it. */
struct image {
	const char *at;
	uint64_t size;
};

/* Returns 0 outside of the image. */
static uint32_t word(const struct image *i, uint64_t at, unsigned bytes)
{
	uint32_t value = 0;

	if (at <= i->size && i->size - at >= bytes)
		memcpy(&value, i->at + at, bytes);
	return value;
}

/* Keeps the last part of a path, without the extension. */
static bool keep(const struct image *i, uint64_t at, char to[NAMES_IMAGE_MAX])
{
	uint64_t from = at, n = 0;

	for (; at < i->size && i->at[at] && i->at[at] != '.'; at++)
		if (i->at[at] == '/' || i->at[at] == '\\')
			from = at + 1;
	for (; from < at && n < NAMES_IMAGE_MAX - 1; from++)
		if (i->at[from] > ' ' && i->at[from] <= '~' && i->at[from] != '"')
			to[n++] = i->at[from];
	to[n] = '\0';
	return n > 0;
}

static bool name_in(const struct image *i, uint32_t at, char to[NAMES_IMAGE_MAX])
{
	switch (word(i, at, 4)) {
	case NB10:
		return keep(i, (uint64_t)at + 16, to);
	case RSDS:
		return keep(i, (uint64_t)at + 24, to);
	case MTOC:
		return keep(i, (uint64_t)at + 20, to);
	default:
		return false;
	}
}

bool image_debug_name(const void *base, uint64_t size, char to[NAMES_IMAGE_MAX])
{
	struct image i = {base, size};
	uint64_t header = word(&i, 0x3c, 4) + (uint64_t)OPTIONAL_HEADER;
	uint64_t place = header + DIRECTORIES + 8 * DEBUG;
	uint32_t at = word(&i, place, 4), bytes = word(&i, place + 4, 4);

	if (word(&i, 0, 2) != 0x5a4d || word(&i, header - OPTIONAL_HEADER, 4) != 0x4550 ||
		word(&i, header, 2) != PE32_PLUS || word(&i, header + DIRECTORIES - 4, 4) <= DEBUG)
		return false;
	for (uint32_t n = 0; n < ENTRIES_MOST && bytes >= ENTRY; n++, bytes -= ENTRY) {
		uint64_t entry = at + (uint64_t)n * ENTRY;

		if (word(&i, entry + 12, 4) == CODEVIEW && name_in(&i, word(&i, entry + 20, 4), to))
			return true;
	}
	return false;
}
