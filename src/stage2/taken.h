// SPDX-License-Identifier: MIT
/* The pages from which watches have taken rights. Pure: tested on the host. */
#ifndef TRAPLINE_TAKEN_H
#define TRAPLINE_TAKEN_H

#include <stdint.h>

#define STAGE2_RANGES 512

/* Marks the leaf of such a page: bits 11 of both vendors' entries are software's (SDM vol. 3C table 29-7, APM vol. 2 5.4.1). */
#define STAGE2_TAKEN (1ull << 11)

struct stage2_range {
	uint64_t first, last; /* addresses of pages, inclusive */
	unsigned rights;      /* STAGE2_READ and so on: those that are taken */
};

/* The rights that are taken from the page around this address. */
unsigned stage2_taken(uint64_t gpa);

/* Replaces the list; STAGE2_RANGES entries at most. Returns the number of the entries that it had. */
unsigned stage2_taken_swap(const struct stage2_range *list, unsigned n);

/* Empties the list. The entries before the last swap stay. */
void stage2_taken_drop(void);

/* The entries before the last swap. */
const struct stage2_range *stage2_taken_before(unsigned i);

/* The entries; NULL: no more. */
const struct stage2_range *stage2_taken_range(unsigned i);

#endif
