// SPDX-License-Identifier: MIT
/* The memory types that the MTRRs define (SDM vol. 3A 12.11). Pure: tested on the host against the manual's tables. */
#ifndef TRAPLINE_MEMORY_TYPE_H
#define TRAPLINE_MEMORY_TYPE_H

#include <stdbool.h>
#include <stdint.h>

/* Table 12-2; the EPT uses the same numbers. */
#define MEMORY_UC 0
#define MEMORY_WC 1
#define MEMORY_WT 4
#define MEMORY_WP 5
#define MEMORY_WB 6

#define MTRR_VARIABLE_MAX 16
#define MTRR_FIXED        11

/* The registers, as RDMSR reads them. */
struct mtrr_state {
	uint64_t def_type;
	uint64_t fixed[MTRR_FIXED]; /* 64K_00000, 16K_80000, 16K_A0000, 4K_C0000 to 4K_F8000 */
	struct {
		uint64_t base, mask;
	} variable[MTRR_VARIABLE_MAX];
	uint32_t variables;     /* number of variable ranges */
	uint32_t physical_bits; /* MAXPHYADDR */
};

/*
 * The memory type of an address, 0 to 6. Overlaps that the manual leaves undefined are uncacheable.
 *   size  in: bytes of interest from the address on, more than 0
 *         out: how many of them have this type, at least 1
 */
unsigned memory_type(const struct mtrr_state *m, uint64_t address, uint64_t *size);

/* Whether all eight entries of a PAT are memory types (SDM vol. 3A 12.12.4, APM vol. 2 7.8.1). */
static inline bool pat_is_valid(uint64_t pat)
{
	for (unsigned i = 0; i < 8; i++) {
		unsigned type = pat >> i * 8 & 0xff;

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

#endif
