/*
 * Virtual addresses for the devices that the VMM itself drives, from a range of its own: where a device is says nothing about where it
 * is mapped, since BARs are anywhere below 2^52 (Xeons put them at 56 TiB). Pure: tested on the host.
 */
#ifndef TRAPLINE_DEVICE_SPACE_H
#define TRAPLINE_DEVICE_SPACE_H

#include <stdint.h>
#include "mem/layout.h"

struct device_space {
	uint64_t next; /* begins as DEVICE_BASE */
};

/*
 * The address for `size` bytes at `phys`, both multiples of 4096; it has the same offset in a large page, so that large pages fit.
 * 0: there is no room left, or it is beyond what a page table can hold. Never given back.
 */
uint64_t device_space_take(struct device_space *s, uint64_t phys, uint64_t size);

#endif
