// SPDX-License-Identifier: MIT
#include "stage2/spare.h"
#include "lib/string.h"
#include "mem/pool.h"

static uint64_t first, count; /* a list: the first word of each page is the next one's address */

uint64_t spare_take(uint64_t pages)
{
	uint64_t pa = first;

	if (pages != 1 || !pa)
		return pool_alloc(pages);
	first = *(uint64_t *)pool_virt(pa);
	count--;
	memset(pool_virt(pa), 0, PAGE_SIZE);
	return pa;
}

void spare_give(uint64_t pa)
{
	*(uint64_t *)pool_virt(pa) = first;
	first = pa;
	count++;
}

uint64_t spare_count(void)
{
	return count;
}
