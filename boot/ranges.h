// SPDX-License-Identifier: MIT
/* Lists of ranges of memory. Pure: tested on the host. */
#ifndef TRAPLINE_RANGES_H
#define TRAPLINE_RANGES_H

#include <stdbool.h>
#include <stdint.h>
#include <boot/boot_info.h>

/*
 * Adds [base, base + size) to a list of ascending ranges that do not touch each other, and keeps it so. The firmware's
 * map need not be sorted (UEFI specification 7.2, GetMemoryMap()).
 * Returns false, and changes nothing, if a new range is needed and there are `max` already.
 */
bool range_add(struct boot_range *ranges, uint32_t *count, uint32_t max, uint64_t base, uint64_t size);

/* Range i of a list; false: it does not count. */
typedef bool (*range_get)(const void *context, uint32_t i, struct boot_range *out);

/*
 * Adds n ranges. One that found no room is tried again: those that came later may have joined others.
 * Returns how many have no room at last.
 */
uint32_t range_add_all(struct boot_range *ranges, uint32_t *count, uint32_t max, range_get get,
	const void *context, uint32_t n);

/*
 * Removes [base, base + size) from the ranges, in 2 MiB units: a unit that is touched is removed. If a range would split and
 * there are `max` already, only its larger part stays. Returns the new number of ranges.
 */
uint32_t range_cut(struct boot_range *ranges, uint32_t count, uint32_t max, uint64_t base, uint64_t size);

/*
 * The highest address in [base, base + bytes) where `size` bytes fit below `limit`, at a multiple of 2 MiB. 0: there is none;
 * address 0 itself is never returned.
 */
uint64_t range_fit(uint64_t base, uint64_t bytes, uint64_t size, uint64_t limit);

#endif
