// SPDX-License-Identifier: MIT
/*
 * libFuzzer: the MTRRs, any values, against the manual's rules applied to one address at a time (SDM vol.
 * 3A 12.11). The type must be right at both ends of the returned range and at addresses in
 * between.
 */
#include "input.h"
#include "mem/memory_type.h"

#define PLACES    16
#define HOLES_MAX 16

static unsigned fixed_type(const struct mtrr_state *m, uint64_t at)
{
	unsigned n = at < 0x80000   ? (unsigned)(at >> 16)
		     : at < 0xc0000 ? 8 + (unsigned)((at - 0x80000) >> 14)
				    : 24 + (unsigned)((at - 0xc0000) >> 12);

	return m->fixed[n / 8] >> n % 8 * 8 & 0xff;
}

/* A mask with more pieces than any real one is ignored. */
static bool is_scattered(uint64_t mask, unsigned width)
{
	unsigned bit = 12, holes = 0;

	while (bit < width && !(mask >> bit & 1))
		bit++;
	for (; bit < width; bit++)
		holes += !(mask >> bit & 1);
	return holes > HOLES_MAX;
}

static unsigned type_at(const struct mtrr_state *m, uint64_t at)
{
	uint64_t width = (1ull << m->physical_bits) - 1;
	bool wb = false, wt = false, other = false;
	unsigned type = 0x100, only = 0x100, different = 0;

	if (!(m->def_type >> 11 & 1))
		return MEMORY_UC;
	if ((m->def_type >> 10 & 1) && at < 0x100000)
		return fixed_type(m, at);
	for (unsigned n = 0; n < m->variables; n++) {
		uint64_t mask = m->variable[n].mask & width & ~0xfffull;

		if (!(m->variable[n].mask >> 11 & 1) || is_scattered(mask, m->physical_bits) ||
			(at & mask) != (m->variable[n].base & mask))
			continue;
		type = m->variable[n].base & 0xff;
		wb |= type == MEMORY_WB;
		wt |= type == MEMORY_WT;
		other |= type != MEMORY_WB && type != MEMORY_WT;
		different += only != 0x100 && only != type;
		only = type;
	}
	if (type == 0x100)
		return m->def_type & 0xff;
	if (!different)
		return type;
	return wb && wt && !other ? MEMORY_WT : MEMORY_UC;
}

/* WRMSR accepts no other types (12.11.2). */
static unsigned take_type(void)
{
	static const uint8_t types[] = {MEMORY_UC, MEMORY_WC, MEMORY_WT, MEMORY_WP, MEMORY_WB};

	return types[take8() % sizeof(types)];
}

static uint64_t take_base(void)
{
	uint64_t word = take64();

	return (take8() & 1 ? word & ~0xfffull : word & 0x7fff000) | take_type(); /* small ranges overlap */
}

static void take_mtrrs(struct mtrr_state *m)
{
	m->physical_bits = 32 + take8() % 21;
	m->variables = take8() % (MTRR_VARIABLE_MAX + 1);
	m->def_type = (take32() & 0xc00) | take_type();
	for (unsigned i = 0; i < 8 * MTRR_FIXED; i++)
		m->fixed[i / 8] |= (uint64_t)take_type() << i % 8 * 8;
	for (unsigned i = 0; i < m->variables; i++) {
		m->variable[i].base = take_base();
		m->variable[i].mask =
			take8() & 1 ? take64() : ~0ull << (12 + take8() % 52) | (take8() & 1) << 11;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mtrr_state m = {0};
	uint64_t at, asked, n;
	unsigned type;

	input_begin(data, size);
	take_mtrrs(&m);
	at = take64() & ((1ull << m.physical_bits) - 1);
	if (take8() & 1)
		at &= 0x7ffffff;
	n = asked = 1 + (take64() & ((1ull << m.physical_bits) - 1)) % ((1ull << m.physical_bits) - at);
	type = memory_type(&m, at, &n);
	assert(n && n <= asked && type == type_at(&m, at) && type == type_at(&m, at + n - 1));
	for (unsigned i = 0; i < PLACES; i++)
		assert(type == type_at(&m, at + take64() % n));
	return 0;
}
