// SPDX-License-Identifier: MIT
#include "mem/device_space.h"

#define PHYSICAL_LIMIT (1ull << 52)

uint64_t device_space_take(struct device_space *s, uint64_t phys, uint64_t size)
{
	uint64_t at = s->next + ((phys - s->next) & (LARGE_PAGE - 1));

	if (size > DEVICE_LIMIT - at || phys > PHYSICAL_LIMIT || size > PHYSICAL_LIMIT - phys)
		return 0;
	s->next = at + size;
	return at;
}
