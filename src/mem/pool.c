#include "mem/pool.h"

static uint64_t pool_next, pool_end;

void pool_init(uint64_t base, uint64_t size)
{
	pool_next = base;
	pool_end = base + size;
}

uint64_t pool_alloc(uint64_t pages)
{
	uint64_t pa = pool_next;

	if (pages > pool_left() / PAGE_SIZE)
		return 0;
	pool_next += pages * PAGE_SIZE;
	return pa;
}

uint64_t pool_left(void)
{
	return pool_end - pool_next;
}
