// SPDX-License-Identifier: MIT
/* Pages for second-level tables: those that were given back come first, then the pool's. The caller holds the tables' lock. */
#ifndef TRAPLINE_SPARE_H
#define TRAPLINE_SPARE_H

#include <stdint.h>

/* The physical address of `pages` contiguous zeroed pages; 0 if none are left. Only single pages are given back. */
uint64_t spare_take(uint64_t pages);

void spare_give(uint64_t pa);

/* Pages that were given back and are not used. */
uint64_t spare_count(void);

#endif
