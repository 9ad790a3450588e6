// SPDX-License-Identifier: MIT
#include "pieces.h"

static uint64_t half_of(uint64_t size)
{
	return (size / 2 + PIECE_UNIT - 1) & ~(PIECE_UNIT - 1);
}

/* Takes one piece of `size` bytes, or half of it, and so on. Returns false if there is none of at least `least` bytes. */
static bool take_one(const struct piece_source *source, uint64_t size, uint64_t least, struct boot_range *out)
{
	least = (least + PIECE_UNIT - 1) & ~(PIECE_UNIT - 1);
	for (;; size = half_of(size) < least ? least : half_of(size)) {
		out->base = source->take(source->context, size);
		out->size = size;
		if (out->base)
			return true;
		if (size <= least || size <= PIECE_UNIT)
			return false;
	}
}

uint32_t pieces_take(const struct piece_source *source, uint64_t size, uint64_t first, struct boot_range *out,
	uint32_t max)
{
	uint64_t left = size;
	uint32_t n = 0;

	while (left && n < max && take_one(source, left, n ? PIECE_MIN : first, &out[n]))
		left -= out[n++].size;
	if (!left)
		return n;
	while (n--)
		source->give(source->context, out[n].base, out[n].size);
	return 0;
}
