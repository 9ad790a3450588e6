// SPDX-License-Identifier: MIT
#include "mem/pool.h"
#include <boot/boot_info.h>

static struct boot_range left[BOOT_MAX_PIECES]; /* of each piece */
static uint32_t pieces;

void pool_add(uint64_t base, uint64_t size)
{
	left[pieces++] = (struct boot_range){base, size};
}

uint64_t pool_alloc(uint64_t pages)
{
	uint64_t size = pages * PAGE_SIZE;

	for (uint32_t i = 0; i < pieces; i++) {
		struct boot_range *from = &left[i];
		uint64_t pa = from->base;

		if (pages > from->size / PAGE_SIZE)
			continue;
		from->base += size;
		from->size -= size;
		return pa;
	}
	return 0;
}

uint64_t pool_left(void)
{
	uint64_t all = 0;

	for (uint32_t i = 0; i < pieces; i++)
		all += left[i].size;
	return all;
}
