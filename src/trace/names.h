// SPDX-License-Identifier: MIT
/*
 * Names for guest addresses, from the block that the loader has built (include/boot/names_layout.h). A lookup is a binary search and takes
 * no lock. The exit path never looks up a name. Pure.
 */
#ifndef TRAPLINE_NAMES_H
#define TRAPLINE_NAMES_H

#include <stdbool.h>
#include <stdint.h>
#include <boot/names_layout.h>
#include "trace/text.h"

/* The function or image that contains an address. */
struct name {
	const char *text;
	uint64_t offset;
};

/* Sets the block; NULL: there are no names. Slides that trapline.conf gives apply at once. */
void names_init(struct names_block *block);
struct names_block *names_block(void);

/*
 * Finds the function of one map that contains an address.
 *   address  in the map, without a slide
 * Returns false if there is none: between the end of one function and the start of the next, addresses have no name.
 */
bool names_map_find(
	const struct names_block *b, const struct names_map *m, uint64_t address, struct name *out);

/* The entry of the table that an address belongs to. Returns false if the map has none. */
bool names_map_entry(
	const struct names_block *b, const struct names_map *m, uint64_t address, uint32_t *entry);

/* Whether a function begins at this address. */
bool names_map_starts(const struct names_block *b, const struct names_map *m, uint64_t address);

/* Sets the slide of map n. */
void names_set_slide(unsigned n, uint64_t slide);
/* The slide of map n is unknown from here on: the map gives no names. */
void names_forget_slide(unsigned n);
/* Returns false if the slide is unknown. */
bool names_slide(unsigned n, uint64_t *slide);

/* Finds the function that contains an address, in the maps whose slide is known. */
bool names_find(uint64_t address, struct name *out);

/* Finds the image that contains an address. The caller checks that the image is still there. */
bool names_image(uint64_t address, struct name *out);

/*
 * Adds an image at [base, base + size), or replaces the one at this base. Maps that belong to it get their slide. Calls must not overlap.
 *   name  characters that are not printable become '.'; a long name is cut
 * Returns false if there is no room.
 */
bool names_add_image(const char *name, uint64_t base, uint64_t size);

/* Appends `function+0x1f`. */
void name_add(struct text *t, const struct name *n);

#endif
