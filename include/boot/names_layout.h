// SPDX-License-Identifier: MIT
/*
 * Names for guest addresses. The loader builds one block of memory from the maps in trapline.conf and from the firmware's list of
 * loaded images; the VMM reads it. struct names_block is at its start, the arrays of the maps follow.
 */
#ifndef TRAPLINE_NAMES_LAYOUT_H
#define TRAPLINE_NAMES_LAYOUT_H

#include <stdint.h>

#define NAMES_MAPS      8   /* maps: files of symbols */
#define NAMES_IMAGES    192 /* firmware images, including the next one */
#define NAMES_STRIDE    16  /* names_map.places has every 16th name */
#define NAMES_NAME_MAX  128 /* bytes of a symbol's name, with its NUL; longer names are cut */
#define NAMES_FILE_MAX  48
#define NAMES_IMAGE_MAX 32

/* How the slide of a map is found: the distance from its addresses to those in memory. */
enum names_place {
	NAMES_FOUND,   /* from the CPU's state: src/trace/slide.h */
	NAMES_GIVEN,   /* by trapline.conf: names_map.slide */
	NAMES_OF_IMAGE /* the base of an image: the map starts at 0 */
};

/* The functions of one map, by address. */
struct names_map {
	char file[NAMES_FILE_MAX];   /* path in trapline.conf; only the end of a long one */
	char image[NAMES_IMAGE_MAX]; /* NAMES_OF_IMAGE: the image's name */
	uint64_t base;               /* address of the first function, in the map */
	uint64_t slide;              /* for NAMES_GIVEN */
	uint64_t grain;              /* a power of two; slides are multiples of it */
	uint32_t how;                /* enum names_place */
	uint32_t count;
	uint32_t offsets; /* offset in the block of uint32_t[count]: distances from base, ascending */
	uint32_t places;  /* offset of uint32_t[]: where in the strings every NAMES_STRIDEth name is */
	uint32_t
		strings; /* offset of the names, each with its NUL; "": a function ends here and no other begins */
	uint32_t strings_size;
};

struct names_image {
	uint64_t base, size;
	char name[NAMES_IMAGE_MAX];
};

struct names_block {
	uint32_t maps;
	uint32_t images;
	struct names_map map[NAMES_MAPS];
	struct names_image image[NAMES_IMAGES]; /* the first `images` are used */
};

#endif
