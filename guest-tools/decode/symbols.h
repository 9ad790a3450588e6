/* The files that were given or found, and what they say of an address of an entry's. */
#ifndef DECODE_SYMBOLS_H
#define DECODE_SYMBOLS_H

#include "image.h"
#include "map.h"
#include "notes.h"

struct module_image {
	const char *name;
	struct image *image; /* NULL: there is no file of it */
};

struct symbols {
	const struct options *options;
	struct notes notes;
	struct image *kernel;
	struct map *map;
	char *debug_path;
	struct module_image *module;
	size_t modules, module_room;
	bool useless; /* something that was asked for is of no use: a message has said so */
	bool *slid;   /* for each run: its kernel's slide is known */
	uint64_t *slide, *map_slide;
};

void symbols_begin(struct symbols *s, struct model *m, const struct options *o);
void symbols_end(struct symbols *s);

/* slide.c: s->slide of each run. */
void slide_find(struct symbols *s, const struct model *m);

/* The functions that an address of entry i is in: how many frames; 0: nothing is known. */
size_t symbols_frames(
	struct symbols *s, struct model *m, size_t i, uint64_t address, bool after, struct frame **frames);

#endif
