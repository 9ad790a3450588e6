// SPDX-License-Identifier: MIT
/* A file with the guest's code: its kernel, or a module. Read with elfutils' libdw. */
#ifndef DECODE_IMAGE_H
#define DECODE_IMAGE_H

#include "model.h"
#include "options.h"

#define BUILD_ID_TEXT 65

struct image;

/* Returns NULL after a message. `debug_path` has libdwfl's format. A module's file has no addresses of its own: image_in_module(). */
struct image *image_open(const char *file, const char *name, char *debug_path);
void image_close(struct image *image);

bool image_has_lines(const struct image *image);
bool image_has_symbols(const struct image *image);
const char *image_file(const struct image *image);

/* Writes the build id in hexadecimal digits, "" if there is none. */
void image_build_id(const struct image *image, char text[BUILD_ID_TEXT]);

/* Finds the linked address of a symbol. */
bool image_symbol(const struct image *image, const char *name, uint64_t *address);

bool image_is_code(const struct image *image, uint64_t address);

/*
 * Copies the code bytes at an address. Returns their number, `room` at most; 0 as well if the file has no code because another file has it.
 */
size_t image_code(const struct image *image, uint64_t address, uint8_t *bytes, size_t room);

/* Returns the size of a module's code in memory, in whole pages. */
uint64_t image_module_size(const struct image *image, bool init);

/*
 * Converts an offset from the base of a module, or of its initialisation code, to an address in the file. Returns false if there is no
 * code.
 */
bool image_in_module(const struct image *image, uint64_t offset, bool init, uint64_t *address);

/*
 * The functions that an address is in, innermost first; 0: none. `after`: what it names is a call, and the address is behind it.
 */
size_t image_frames(
	struct model *m, const struct image *image, uint64_t address, bool after, struct frame **frames);

#endif
