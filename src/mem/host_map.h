/* The page tables that the VMM itself runs on. */
#ifndef TRAPLINE_HOST_MAP_H
#define TRAPLINE_HOST_MAP_H

#include <stdbool.h>
#include <stdint.h>
#include <boot/boot_info.h>
#include "mem/layout.h"

/*
 * Builds the host's page tables (W^X, guest RAM never executable) and loads them. The lower half is the firmware's until
 * host_map_close(), because the loader's stack and boot_info lie there.
 * Returns false when the pool is too small.
 */
bool host_map_init(const struct boot_info *info);

/*
 * Maps memory of the guest's that the firmware's map did not have, to read and write it. No two CPUs call at once: the
 * caller's duty.
 *   base, size  multiples of 4096
 * Returns false when the pool is empty, or where it lies beyond what fits.
 */
bool host_map_learn(uint64_t base, uint64_t size);

/* Loads them on this CPU. */
void host_map_load(void);

/* Takes the firmware's mappings away, when every CPU has left them. */
void host_map_close(void);

/* Maps `size` bytes of a stack, with an unmapped page below. Returns its top (exclusive), 0 when the pool is empty. */
uint64_t host_map_stack(uint64_t size);

/*
 * Maps registers of a device, uncached. phys, size: multiples of 4096. Returns NULL when the pool is empty, or the address is
 * none.
 */
volatile void *host_map_device(uint64_t phys, uint64_t size);

/*
 * HOST_WINDOWS pages of virtual addresses, each used by one CPU. host_window_map() maps a page of registers there, uncached, and
 * flushes this CPU's translation of the one before.
 */
#define HOST_WINDOWS 128
bool host_windows_init(void);
void host_window_map(unsigned window, uint64_t phys);

static inline volatile void *host_window(unsigned window)
{
	return (volatile void *)(WINDOW_BASE + window * PAGE_SIZE);
}

/* Where the image lies: virtual to physical. */
uint64_t host_image_phys(const void *virt);

/* The value for CR3. */
uint64_t host_cr3(void);

#endif
