// SPDX-License-Identifier: MIT
/*
 * Frozen rings do not change for a time, so that a reader can read them. Meanwhile each CPU writes to a second ring
 * at the same cost, and its records keep their numbers. When the time is over the newest BLACKBOX_BESIDE of them
 * move into the ring; the others are counted as not kept.
 */
#ifndef TRAPLINE_FREEZE_H
#define TRAPLINE_FREEZE_H

#include "cpu/cpu.h"

#define FREEZE_SECONDS_MAX 3600

/* Freezes all CPUs' rings for so many seconds from now on; 0: thaws them. */
void freeze_set(struct cpu *cpu, uint64_t seconds);

/* Carries out the last order on this CPU, and ends a freeze whose time is over. */
void freeze_serve(struct cpu *cpu);

/* Whether this CPU's ring is to be thawed and is not yet: an exit moves a few records only. */
bool freeze_thaws(const struct cpu *cpu);

/* Thaws this CPU's ring, whatever was ordered, because the report of an end begins. */
void freeze_end(struct cpu *cpu);

/* The number of seconds left; 0: the rings are not frozen. */
uint64_t freeze_left(void);

/* The number of records, of all CPUs and since the start, that were lost because rings were frozen. */
uint64_t freeze_not_kept(void);

#endif
