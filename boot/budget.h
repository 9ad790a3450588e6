// SPDX-License-Identifier: MIT
/* The memory that the VMM takes (docs/smp.md, "Memory"). Pure: tested on the host. */
#ifndef TRAPLINE_BUDGET_H
#define TRAPLINE_BUDGET_H

#include <stdint.h>
#include <boot/boot_info.h>

#define BUDGET_RING_MIN 64 /* the lower limit in CONFIG_LIMITS */

/*
 * Returns the records of each CPU's ring.
 *   asked  the number in trapline.conf; or 0: as many as make at most 64 MiB for all rings together
 *   cpus   CPUs of the machine
 */
uint32_t budget_ring(uint32_t asked, uint32_t cpus);

/* Returns the pool's size in bytes: page tables, per-CPU memory and the copy buffer. The image is not included. */
uint64_t budget_pool(const struct trapline_config *c, const struct boot_info *info);

/* Returns the black box's size in bytes: rings, reserves and histories. c->ring is the result of budget_ring(). */
uint64_t budget_box(const struct trapline_config *c, uint32_t cpus);

#endif
