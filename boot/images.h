// SPDX-License-Identifier: MIT
/* Names of the images that the firmware has loaded. */
#ifndef TRAPLINE_IMAGES_H
#define TRAPLINE_IMAGES_H

#include <stdbool.h>
#include <stdint.h>
#include <boot/names_layout.h>

/*
 * Finds the name of an image in the path of its debug information, without folder and extension. Pure.
 *   base, size  the loaded image; any bytes
 * Returns false if it has no such path.
 */
bool image_debug_name(const void *base, uint64_t size, char to[NAMES_IMAGE_MAX]);

#endif
