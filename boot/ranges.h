/* Lists of ranges of memory. Pure: tested on the host. */
#ifndef TRAPLINE_RANGES_H
#define TRAPLINE_RANGES_H

#include <stdbool.h>
#include <stdint.h>
#include <boot/boot_info.h>

/*
 * Adds [base, base + size) to ascending ranges that do not touch each other, which they are again afterwards. The firmware's
 * map need not be sorted (UEFI specification 7.2, GetMemoryMap()).
 * Returns false, with nothing changed, where there are `max` already and this is one more.
 */
bool range_add(struct boot_range *ranges, uint32_t *count, uint32_t max, uint64_t base, uint64_t size);

/*
 * Takes [base, base + size) out of the ranges, in 2 MiB units: what it touches is gone. Where a range falls apart and there
 * are `max` already, its larger part stays. Returns how many there are now.
 */
uint32_t range_cut(struct boot_range *ranges, uint32_t count, uint32_t max, uint64_t base, uint64_t size);

/*
 * The highest address in [base, base + bytes) where `size` bytes fit below `limit`, at a multiple of 2 MiB. 0: there is none, and
 * 0 is not given out.
 */
uint64_t range_fit(uint64_t base, uint64_t bytes, uint64_t size, uint64_t limit);

#endif
