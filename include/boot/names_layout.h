/*
 * Names for addresses of the guest's: one block of memory, which the loader makes of the maps that trapline.conf names and of the
 * firmware's list of loaded images, and the VMM reads. This header stands at its start, the maps' arrays behind it.
 */
#ifndef TRAPLINE_NAMES_LAYOUT_H
#define TRAPLINE_NAMES_LAYOUT_H

#include <stdint.h>

#define NAMES_MAPS      8   /* files of symbols */
#define NAMES_IMAGES    192 /* of the firmware's, the next one among them */
#define NAMES_STRIDE    16  /* the place of every 16th name is kept */
#define NAMES_NAME_MAX  128 /* bytes of a symbol's name, its NUL included; what is longer is cut */
#define NAMES_FILE_MAX  48
#define NAMES_IMAGE_MAX 32

/* Where a map's code lies in memory, which is its own addresses plus a slide. */
enum names_place {
	NAMES_FOUND,   /* what the CPU shows says it: src/trace/slide.h */
	NAMES_GIVEN,   /* by hand: `slide` */
	NAMES_OF_IMAGE /* an image's: its base, which address 0 of the map stands for */
};

/* The functions of one file, by address. */
struct names_map {
	char file[NAMES_FILE_MAX];   /* as trapline.conf has it; of a long one the end */
	char image[NAMES_IMAGE_MAX]; /* NAMES_OF_IMAGE: whose */
	uint64_t base;               /* address of the first one in the file */
	uint64_t slide;              /* NAMES_GIVEN */
	uint64_t grain;              /* a slide is a multiple of it */
	uint32_t how;                /* enum names_place */
	uint32_t count;
	uint32_t
		offsets; /* where in the block: uint32_t[count], distances from base, each larger than the one before */
	uint32_t places; /* the same: uint32_t[], where in the strings the name of every NAMES_STRIDEth is */
	uint32_t
		strings; /* the same: names one after the other, each with its NUL; "": no function begins here, one ends */
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
	struct names_image image[NAMES_IMAGES]; /* the last ones are free */
};

#endif
