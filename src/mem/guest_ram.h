// SPDX-License-Identifier: MIT
/*
 * Reads and writes guest-physical RAM without ever faulting. Addresses that are not the guest's RAM (devices, the VMM's own
 * memory, nothing at all) are not mapped behind GUEST_RAM, and the fix-up table turns the fault into "false".
 */
#ifndef TRAPLINE_GUEST_RAM_H
#define TRAPLINE_GUEST_RAM_H

#include <stdbool.h>
#include <stdint.h>
#include "hw/asm.h"
#include "mem/layout.h"

static inline bool guest_read64(uint64_t physical, uint64_t *value)
{
	return physical < GUEST_LIMIT && load64_safe((const void *)(GUEST_RAM + physical), value);
}

/* Copies n bytes out of RAM. False: some of them are not RAM, and `to` may have been written in part. */
static inline bool guest_ram_read(uint64_t physical, void *to, uint64_t n)
{
	return physical < GUEST_LIMIT && !copy_safe(to, (const void *)(GUEST_RAM + physical), n);
}

/* Copies n bytes into RAM. False: some of them are not RAM, and the first part may have been written. */
static inline bool guest_ram_write(uint64_t physical, const void *from, uint64_t n)
{
	return physical < GUEST_LIMIT && !copy_safe((void *)(GUEST_RAM + physical), from, n);
}

/* Whether the page around a guest-physical address is RAM of the guest's. */
static inline bool guest_is_ram(uint64_t physical)
{
	uint64_t probe;

	return guest_read64(physical & ~4095ull, &probe);
}

/*
 * Sets an entry of the guest's page tables to `to` if it is still `from`, atomically against the guest's CPUs.
 *   physical  naturally aligned
 * Returns false, with nothing written, if it has another value or is not RAM.
 */
static inline bool guest_exchange64(uint64_t physical, uint64_t from, uint64_t to)
{
	return physical < GUEST_LIMIT && exchange64_safe((void *)(GUEST_RAM + physical), from, to);
}

static inline bool guest_exchange32(uint64_t physical, uint32_t from, uint32_t to)
{
	return physical < GUEST_LIMIT && exchange32_safe((void *)(GUEST_RAM + physical), from, to);
}

#endif
