// SPDX-License-Identifier: MIT
/* The VMM's memory: allocated once, at start, page by page, and never freed. Nothing is allocated once the guest runs. */
#ifndef TRAPLINE_POOL_H
#define TRAPLINE_POOL_H

#include <stdint.h>
#include "mem/layout.h"

/* One more piece, [base, base + size): physical, page aligned, zeroed by the loader. BOOT_MAX_PIECES at most. */
void pool_add(uint64_t base, uint64_t size);

/* The physical address of `pages` contiguous zeroed pages; 0 if the pool is used up. */
uint64_t pool_alloc(uint64_t pages);

/* The number of bytes left. */
uint64_t pool_left(void);

/* The VMM's address of the pool's page at `pa`; valid once the host's page tables are loaded. */
static inline void *pool_virt(uint64_t pa)
{
	return (void *)(POOL_BASE + pa);
}

static inline uint64_t pool_phys(const void *virt)
{
	return (uint64_t)virt - POOL_BASE;
}

#endif
