// SPDX-License-Identifier: MIT
#include "mem/mtrr_shadow.h"
#include <stddef.h>
#include "hw/msr.h"
#include "lib/string.h"

#define CAP_FIX           (1ull << 8)
#define CAP_WC            (1ull << 10)
#define DEF_TYPE_E        (1ull << 11)
#define DEF_TYPE_FE       (1ull << 10)
#define DEF_TYPE_RESERVED ~(DEF_TYPE_E | DEF_TYPE_FE | 0xff)
#define BASE_RESERVED     0xf00ull
#define MASK_RESERVED     0x7ffull
#define PHYSBASE_LAST     (MSR_MTRR_PHYSBASE0 + 2 * MTRR_VARIABLE_MAX - 1)

/* In the order of mtrr_state.fixed. */
static const uint32_t fixed_msrs[MTRR_FIXED] = {MSR_MTRR_FIX64K_00000, MSR_MTRR_FIX16K_80000,
	MSR_MTRR_FIX16K_A0000, MSR_MTRR_FIX4K_C0000, MSR_MTRR_FIX4K_C8000, MSR_MTRR_FIX4K_D0000,
	MSR_MTRR_FIX4K_D8000, MSR_MTRR_FIX4K_E0000, MSR_MTRR_FIX4K_E8000, MSR_MTRR_FIX4K_F0000,
	MSR_MTRR_FIX4K_F8000};

/* The index of an MSR in fixed_msrs; MTRR_FIXED: it is not a fixed-range MTRR. */
static unsigned fixed_number(uint32_t msr)
{
	unsigned n = 0;

	while (n < MTRR_FIXED && fixed_msrs[n] != msr)
		n++;
	return n;
}

static bool is_variable(uint32_t msr)
{
	return msr >= MSR_MTRR_PHYSBASE0 && msr <= PHYSBASE_LAST;
}

bool mtrr_is(uint32_t msr)
{
	if (msr < MSR_MTRR_PHYSBASE0 || msr > MSR_MTRR_DEF_TYPE)
		return false;
	return is_variable(msr) || msr == MSR_MTRR_DEF_TYPE || fixed_number(msr) < MTRR_FIXED;
}

void mtrr_shadow_init(struct mtrr_shadow *s, const struct mtrr_state *firmware, uint64_t cap)
{
	s->now = s->used = *firmware;
	s->cap = cap;
}

static uint64_t *find(struct mtrr_shadow *s, uint32_t msr)
{
	unsigned fixed = fixed_number(msr), n = (msr - MSR_MTRR_PHYSBASE0) / 2;

	if (!s->cap)
		return NULL;
	if (msr == MSR_MTRR_DEF_TYPE)
		return &s->now.def_type;
	if (fixed < MTRR_FIXED)
		return s->cap & CAP_FIX ? &s->now.fixed[fixed] : NULL;
	if (!is_variable(msr) || n >= s->now.variables)
		return NULL;
	return (msr & 1) == (MSR_MTRR_PHYSBASE0 & 1) ? &s->now.variable[n].base : &s->now.variable[n].mask;
}

bool mtrr_shadow_read(struct mtrr_shadow *s, uint32_t msr, uint64_t *value)
{
	const uint64_t *at = find(s, msr);

	if (at)
		*value = *at;
	return at;
}

/* Table 12-8; WC only if IA32_MTRRCAP has it (12.11.1). */
static bool is_type(const struct mtrr_shadow *s, uint64_t type)
{
	if (type == MEMORY_WC)
		return s->cap & CAP_WC;
	return type == MEMORY_UC || type == MEMORY_WT || type == MEMORY_WP || type == MEMORY_WB;
}

static bool are_types(const struct mtrr_shadow *s, uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		if (!is_type(s, value >> 8 * i & 0xff))
			return false;
	return true;
}

/* 12.11.2: reserved bits and undefined types raise #GP. */
static bool accepts(const struct mtrr_shadow *s, uint32_t msr, uint64_t value)
{
	uint64_t beyond = ~((1ull << s->now.physical_bits) - 1);

	if (msr == MSR_MTRR_DEF_TYPE)
		return !(value & DEF_TYPE_RESERVED) && is_type(s, value & 0xff) &&
		       (!(value & DEF_TYPE_FE) || (s->cap & CAP_FIX));
	if (!is_variable(msr))
		return are_types(s, value);
	if ((msr & 1) == (MSR_MTRR_PHYSBASE0 & 1))
		return !(value & (beyond | BASE_RESERVED)) && is_type(s, value & 0xff);
	return !(value & (beyond | MASK_RESERVED));
}

enum mtrr_write mtrr_shadow_write(struct mtrr_shadow *s, uint32_t msr, uint64_t value)
{
	uint64_t *at = find(s, msr);

	if (!at || !accepts(s, msr, value))
		return MTRR_REFUSED;
	*at = value;
	if (!(s->now.def_type & DEF_TYPE_E) || !memcmp(&s->now, &s->used, sizeof(s->now)))
		return MTRR_KEPT;
	s->used = s->now;
	return MTRR_APPLIES;
}
