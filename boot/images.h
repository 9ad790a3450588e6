/* Images that the firmware has loaded. */
#ifndef TRAPLINE_IMAGES_H
#define TRAPLINE_IMAGES_H

#include <stdbool.h>
#include <stdint.h>
#include <boot/names_layout.h>

/*
 * The name of an image by the path of its debug information, without folder and ending. Pure: `base` may hold anything.
 *   base, size  the image, as it lies in memory
 * Returns false where it has none.
 */
bool image_debug_name(const void *base, uint64_t size, char to[NAMES_IMAGE_MAX]);

#endif
