// SPDX-License-Identifier: MIT
/* Allocates memory in as few pieces as possible. Pure: tested on the host. */
#ifndef TRAPLINE_PIECES_H
#define TRAPLINE_PIECES_H

#include <stdbool.h>
#include <stdint.h>
#include <boot/boot_info.h>

#define PIECE_UNIT 0x200000ull
#define PIECE_MIN  (2 * PIECE_UNIT)

struct piece_source {
	/* Returns the base, or 0 if there is no piece of that size. */
	uint64_t (*take)(void *context, uint64_t size);
	void (*give)(void *context, uint64_t base, uint64_t size);
	void *context;
};

/*
 * Takes `size` bytes. If no piece is that large, it tries half the size, and so on, then takes the rest in the same way.
 *   size   a multiple of PIECE_UNIT
 *   first  the least size of the first piece, in bytes
 *   out    room for `max` pieces
 * Returns the number of pieces. Returns 0 if the memory cannot be had; then nothing is taken.
 */
uint32_t pieces_take(const struct piece_source *source, uint64_t size, uint64_t first, struct boot_range *out,
	uint32_t max);

#endif
