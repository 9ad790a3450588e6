// SPDX-License-Identifier: MIT
/*
 * Allocates virtual addresses for the devices that the VMM drives. They are not computed from physical ones, because a BAR may
 * be anywhere below 2^52 (Xeons have BARs at 56 TiB). Pure: tested on the host.
 */
#ifndef TRAPLINE_DEVICE_SPACE_H
#define TRAPLINE_DEVICE_SPACE_H

#include <stdint.h>
#include "mem/layout.h"

struct device_space {
	uint64_t next; /* initially DEVICE_BASE */
};

/*
 * Allocates an address for `size` bytes at `phys`, for good. The address has the same offset within a large page as phys, so
 * that large pages can map it.
 *   phys, size  multiples of 4096
 * Returns 0 if there is no room, or if a page table cannot hold phys.
 */
uint64_t device_space_take(struct device_space *s, uint64_t phys, uint64_t size);

#endif
