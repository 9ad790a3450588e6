/* Memory in as few pieces as it can be had. Pure: tested on the host. */
#ifndef TRAPLINE_PIECES_H
#define TRAPLINE_PIECES_H

#include <stdbool.h>
#include <stdint.h>
#include <boot/boot_info.h>

#define PIECE_UNIT 0x200000ull
#define PIECE_MIN  (2 * PIECE_UNIT)

struct piece_source {
	uint64_t (*take)(void *context, uint64_t size); /* 0: there is none of that size */
	void (*give)(void *context, uint64_t base, uint64_t size);
	void *context;
};

/*
 * Takes `size` bytes, a multiple of PIECE_UNIT. Where they are not there in one piece, half of it is tried, and so on.
 *   first  what the first piece has at least
 * Returns how many pieces there are, `max` at most; 0: it cannot be had, and nothing is taken.
 */
uint32_t pieces_take(const struct piece_source *source, uint64_t size, uint64_t first, struct boot_range *out,
	uint32_t max);

#endif
