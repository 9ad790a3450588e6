// SPDX-License-Identifier: MIT
/* The page tables that the VMM itself runs on. */
#ifndef TRAPLINE_HOST_MAP_H
#define TRAPLINE_HOST_MAP_H

#include <stdbool.h>
#include <stdint.h>
#include <boot/boot_info.h>
#include "mem/layout.h"

/*
 * Builds the host's page tables (W^X, guest RAM never executable) and loads them. The lower half is the firmware's until
 * host_map_close(), because the loader's stack and boot_info are there.
 * Returns false if the pool is too small.
 */
bool host_map_init(const struct boot_info *info);

/*
 * Maps memory of the guest that is missing in the firmware's map, for reading and writing. The caller ensures that no two
 * CPUs call it at once.
 *   base, size  multiples of 4096
 * Returns false if the pool is empty, or if the memory is beyond GUEST_LIMIT.
 */
bool host_map_learn(uint64_t base, uint64_t size);

/* Loads the host's page tables on this CPU. */
void host_map_load(void);

/* Removes the firmware's mappings, once every CPU has loaded the host's tables and left the loader. */
void host_map_close(void);

/*
 * Maps a stack, with an unmapped page below it.
 *   size  bytes
 * Returns its top (exclusive); 0 if the pool is empty.
 */
uint64_t host_map_stack(uint64_t size);

/*
 * Maps registers of a device, uncached.
 *   phys, size  multiples of 4096
 * Returns NULL if the pool is empty, or if the address is invalid.
 */
volatile void *host_map_device(uint64_t phys, uint64_t size);

/*
 * HOST_WINDOWS pages of virtual addresses, each for one CPU. host_window_map() maps a page of registers there, uncached, and
 * flushes this CPU's translation of the previous page.
 */
#define HOST_WINDOWS (2 * BOOT_MAX_CPUS)
bool host_windows_init(void);
void host_window_map(unsigned window, uint64_t phys);

static inline volatile void *host_window(unsigned window)
{
	return (volatile void *)(WINDOW_BASE + window * PAGE_SIZE);
}

/* The physical address of a place in the image. */
uint64_t host_image_phys(const void *virt);

/* The value for CR3. */
uint64_t host_cr3(void);

#endif
