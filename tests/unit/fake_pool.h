// SPDX-License-Identifier: MIT
/* The host's memory, for tests that build the tables of second-level paging: an array of POOL_PAGES, which the test defines before. */
#ifndef FAKE_POOL_H
#define FAKE_POOL_H

#include "unit.h"
#include "mem/host_map.h"
#include "mem/pool.h"

uint64_t pool_alloc(uint64_t pages)
{
	static uint8_t memory[POOL_PAGES * PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
	static uint64_t used;

	used += pages;
	assert_true(used <= POOL_PAGES);
	return pool_phys(memory + (used - pages) * PAGE_SIZE);
}

bool host_map_learn(uint64_t base, uint64_t size)
{
	return true;
}

#endif
