// SPDX-License-Identifier: MIT
/* The host's memory, for tests that build the tables of second-level paging: an array of POOL_PAGES, which the test defines before. */
#ifndef FAKE_POOL_H
#define FAKE_POOL_H

#include "unit.h"
#include "mem/host_map.h"
#include "mem/pool.h"

static uint64_t pool_used;
static uint64_t pool_end; /* a test may let it end earlier; 0: it has as much as it needs */

uint64_t pool_alloc(uint64_t pages)
{
	static uint8_t memory[POOL_PAGES * PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

	if (pool_end && pool_used + pages > pool_end)
		return 0;
	pool_used += pages;
	assert_true(pool_used <= POOL_PAGES);
	return pool_phys(memory + (pool_used - pages) * PAGE_SIZE);
}

bool host_map_learn(uint64_t base, uint64_t size)
{
	return true;
}

#endif
