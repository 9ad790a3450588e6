/*
 * Allocates virtual addresses for the devices that the VMM itself drives. They do not follow from physical ones, because BARs
 * lie anywhere below 2^52 (Xeons put them at 56 TiB). Pure: tested on the host.
 */
#ifndef TRAPLINE_DEVICE_SPACE_H
#define TRAPLINE_DEVICE_SPACE_H

#include <stdint.h>
#include "mem/layout.h"

struct device_space {
	uint64_t next; /* begins as DEVICE_BASE */
};

/*
 * Takes the address for `size` bytes at `phys`, both multiples of 4096, for good. It has phys's offset within a large page, so
 * that large pages fit. 0: there is no room left, or a page table cannot hold phys.
 */
uint64_t device_space_take(struct device_space *s, uint64_t phys, uint64_t size);

#endif
