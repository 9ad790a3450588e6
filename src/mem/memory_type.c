// SPDX-License-Identifier: MIT
#include "mem/memory_type.h"
#include <stdbool.h>

#define DEF_TYPE_FE (1ull << 10)
#define DEF_TYPE_E  (1ull << 11)
#define MASK_VALID  (1ull << 11)
#define TYPE(word)  ((unsigned)((word)&0xff))
#define FIXED_END   0x100000ull
#define TYPE_NONE   0xffu
#define PAGE_MASK   0xfffull
#define HOLES_MAX   16 /* a mask for 36 bits on a CPU with 52, a known mistake of firmware */

/* Figure 12-5 and table 12-9: each register has eight ranges of one size. */
static unsigned fixed_type(const struct mtrr_state *m, uint64_t address, uint64_t *end)
{
	uint64_t unit, n;

	if (address < 0x80000) {
		unit = 0x10000;
		n = address / unit;
	} else if (address < 0xc0000) {
		unit = 0x4000;
		n = 8 + (address - 0x80000) / unit;
	} else {
		unit = 0x1000;
		n = 24 + (address - 0xc0000) / unit;
	}
	*end = (address & ~(unit - 1)) + unit;
	return TYPE(m->fixed[n / 8] >> n % 8 * 8);
}

static uint64_t lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t lowest_bit(uint64_t v)
{
	return v & -v;
}

static uint64_t highest_bit(uint64_t v)
{
	return 1ull << (63 - __builtin_clzll(v));
}

/*
 * The end of the aligned block of `size` bytes around the address; for the last block of all, the highest
 * number.
 */
static uint64_t block_end(uint64_t address, uint64_t size)
{
	uint64_t last = address | (size - 1);

	return last == ~0ull ? last : last + 1;
}

/*
 * Whether a range covers one piece of memory, or a few: each bit that the mask leaves out above its
 * lowest bit doubles the number of pieces. With more than HOLES_MAX such bits it would take minutes to
 * process them in all of memory. No normal system writes such a range, so it counts as off.
 */
static bool is_followed(uint64_t mask, uint64_t physical)
{
	uint64_t left_out = physical & ~mask & ~(lowest_bit(mask) - 1);
	unsigned holes = 0;

	for (; left_out; left_out &= left_out - 1)
		holes++;
	return !mask || holes <= HOLES_MAX;
}

/*
 * Whether variable range n covers the address (12.11.3): the bits in the mask agree with the base. A
 * mask need not be contiguous. *end is lowered to where the answer may change: if all bits agree, at
 * the lowest bit of the mask; otherwise at the highest bit that differs.
 */
static bool covers(const struct mtrr_state *m, unsigned n, uint64_t address, uint64_t *end)
{
	uint64_t physical = (1ull << m->physical_bits) - 1,
		 mask = m->variable[n].mask & physical & ~PAGE_MASK,
		 differs = (address ^ m->variable[n].base) & mask;

	if (!(m->variable[n].mask & MASK_VALID) || !is_followed(mask, physical))
		return false;
	if (differs)
		*end = lower(*end, block_end(address, highest_bit(differs)));
	else if (mask)
		*end = lower(*end, block_end(address, lowest_bit(mask)));
	return !differs;
}

/* Precedence of 12.11.4.1: UC over all, WT over WB. */
static unsigned combine(unsigned a, unsigned b)
{
	if (a == TYPE_NONE || a == b)
		return b;
	if ((a == MEMORY_WT && b == MEMORY_WB) || (a == MEMORY_WB && b == MEMORY_WT))
		return MEMORY_WT;
	return MEMORY_UC;
}

/* The type at the address, and an end up to which it is certainly the same. */
static unsigned type_at(const struct mtrr_state *m, uint64_t address, uint64_t *end)
{
	unsigned type = TYPE_NONE;

	*end = ~0ull;
	if (!(m->def_type & DEF_TYPE_E))
		return MEMORY_UC;
	if ((m->def_type & DEF_TYPE_FE) && address < FIXED_END)
		return fixed_type(m, address, end);
	if (address < FIXED_END)
		*end = FIXED_END;
	for (unsigned n = 0; n < m->variables; n++)
		if (covers(m, n, address, end))
			type = combine(type, TYPE(m->variable[n].base));
	return type == TYPE_NONE ? TYPE(m->def_type) : type;
}

unsigned memory_type(const struct mtrr_state *m, uint64_t address, uint64_t *size)
{
	uint64_t limit = address + *size, end, next;
	unsigned type = type_at(m, address, &end);

	while (end < limit && type_at(m, end, &next) == type)
		end = next;
	*size = lower(end, limit) - address;
	return type;
}
