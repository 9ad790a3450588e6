// SPDX-License-Identifier: MIT
/* The files with symbols, given or found, and the functions that they have for an address. */
#ifndef DECODE_SYMBOLS_H
#define DECODE_SYMBOLS_H

#include "image.h"
#include "map.h"
#include "notes.h"

/* The file of a module that was loaded once. */
struct module_image {
	struct module_note note;
	struct image *image; /* NULL: its file was not found, or is another build's */
};

struct symbols {
	const struct options *options;
	struct notes notes;
	struct image *kernel;
	struct map *map;
	char *debug_path;
	struct module_image *module;
	size_t modules, module_room;
	bool useless; /* a file that an option names cannot be used; a message was printed */
	bool *slid;   /* for each run: the slide of its kernel is known */
	bool *mapped; /* for each run: the map can be used, with map_slide */
	uint64_t *slide, *map_slide;
};

void symbols_begin(struct symbols *s, struct model *m, const struct options *o);
void symbols_end(struct symbols *s);

/* In slide.c: finds the slide of each run. */
void slide_find(struct symbols *s, const struct model *m);

/* The functions that contain an address of entry i. Returns the number of frames; 0 if no function is known. */
size_t symbols_frames(
	struct symbols *s, struct model *m, size_t i, uint64_t address, bool after, struct frame **frames);

#endif
