// SPDX-License-Identifier: MIT
/* A file of the guest's that has code in it: its kernel, or a module. By elfutils' libdw. */
#ifndef DECODE_IMAGE_H
#define DECODE_IMAGE_H

#include "model.h"
#include "options.h"

#define BUILD_ID_TEXT 65

struct image;

/* NULL after a message. `debug_path` as libdwfl wants it. A module has no addresses of its own: image_in_module(). */
struct image *image_open(const char *file, const char *name, char *debug_path);
void image_close(struct image *image);

bool image_has_lines(const struct image *image);
bool image_has_symbols(const struct image *image);
const char *image_file(const struct image *image);

/* As hexadecimal digits; "" when it has none. */
void image_build_id(const struct image *image, char text[BUILD_ID_TEXT]);

/* Where a symbol was linked to. */
bool image_symbol(const struct image *image, const char *name, uint64_t *address);

bool image_is_code(const struct image *image, uint64_t address);

/* The code bytes at an address: how many of `room`; 0 also where the file has none, because they are in another one. */
size_t image_code(const struct image *image, uint64_t address, uint8_t *bytes, size_t room);

/* How much code a module has in memory, in whole pages. */
uint64_t image_module_size(const struct image *image, bool init);

/* Where an offset from a module's base, or from that of its initialisation, is in the file. false: no code is there. */
bool image_in_module(const struct image *image, uint64_t offset, bool init, uint64_t *address);

/*
 * The functions that an address is in, innermost first; 0: none. `after`: what it names is a call, and the address is behind it.
 */
size_t image_frames(
	struct model *m, const struct image *image, uint64_t address, bool after, struct frame **frames);

#endif
