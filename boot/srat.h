// SPDX-License-Identifier: MIT
/*
 * The SRAT names the ranges where memory may be plugged in later. The firmware's memory map does not contain them. Pure: tested on
 * the host.
 */
#ifndef TRAPLINE_SRAT_H
#define TRAPLINE_SRAT_H

#include <stddef.h>
#include <stdint.h>
#include <boot/boot_info.h>

/*
 * Lists the ranges of enabled, hot-pluggable memory, cut to 2 MiB units.
 *   table, length  with its header, which has been checked
 *   out, max       further ranges than `max` are dropped
 * Returns the number of ranges in `out`.
 */
uint32_t srat_hot(const uint8_t *table, size_t length, struct boot_range *out, uint32_t max);

#endif
