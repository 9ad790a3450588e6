/*
 * The SRAT: where memory may be plugged in later. Its ranges are in no memory map of the firmware's. Pure: tested on the host.
 */
#ifndef TRAPLINE_SRAT_H
#define TRAPLINE_SRAT_H

#include <stddef.h>
#include <stdint.h>
#include <boot/boot_info.h>

/*
 * The ranges of enabled memory that is hot-pluggable, cut to 2 MiB units.
 *   table, length  with its header, which has been checked
 *   out, max       as many as fit; the rest is left out
 * Returns how many there are in out.
 */
uint32_t srat_hot(const uint8_t *table, size_t length, struct boot_range *out, uint32_t max);

#endif
