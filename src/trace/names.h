/*
 * Names for addresses of the guest's, from the block that the loader has made (include/boot/names_layout.h). Lookups take no lock and
 * are a binary search; no way of an exit makes one. Pure.
 */
#ifndef TRAPLINE_NAMES_H
#define TRAPLINE_NAMES_H

#include <stdbool.h>
#include <stdint.h>
#include <boot/names_layout.h>
#include "trace/text.h"

/* What an address lies in. */
struct name {
	const char *text;
	uint64_t offset;
};

/* The block; NULL: there are no names. Slides that were given by hand are known from here on. */
void names_init(struct names_block *block);
struct names_block *names_block(void);

/*
 * The function of one map that an address, as the map has it, lies in. False: none; where a function ends without another one
 * beginning there, what is behind it has no name.
 */
bool names_map_find(
	const struct names_block *b, const struct names_map *m, uint64_t address, struct name *out);

/* Whether a function begins there. */
bool names_map_starts(const struct names_block *b, const struct names_map *m, uint64_t address);

/* How far the code of map n was moved. */
void names_set_slide(unsigned n, uint64_t slide);
/* Not known any more: no names from it. */
void names_forget_slide(unsigned n);
bool names_slide(unsigned n, uint64_t *slide);

/* By all maps whose slide is known. */
bool names_find(uint64_t address, struct name *out);

/* The image that an address lies in, where the firmware has put it: whether it is still there is for the caller to know. */
bool names_image(uint64_t address, struct name *out);

/*
 * One more image, at [base, base + size), which may take the place of older ones there. Maps that are its own get their slide.
 *   name  what cannot stand in a line becomes '.', what is too long is cut. The caller sees to it that calls do not meet
 * Returns false where there is no room.
 */
bool names_add_image(const char *name, uint64_t base, uint64_t size);

/* `function+0x1f` */
void name_add(struct text *t, const struct name *n);

#endif
