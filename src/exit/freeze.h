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

/* Orders that all CPUs' rings freeze for so many seconds from now on; 0: that they thaw. This CPU carries it out; freeze_hurry() calls the others. */
void freeze_set(struct cpu *cpu, uint64_t seconds);

/* Begins the last order on this CPU, or the end of a freeze whose time is over. A thaw is then CPU_WORK_THAW. */
void freeze_serve(struct cpu *cpu);

/* A part of CPU_WORK_THAW: an exit moves a few records only. */
void freeze_go_on(struct cpu *cpu);

/*
 * Whether a CPU has not yet carried out the last order, this one included. Others are kicked each time; one that does not answer for a second
 * (its APIC may be off) is not waited for: its next exits carry the order out.
 */
bool freeze_hurry(const struct cpu *cpu);

/* Thaws this CPU's ring, whatever was ordered, because the report of an end begins. */
void freeze_end(struct cpu *cpu);

/* The number of seconds left; 0: the rings are not frozen. */
uint64_t freeze_left(void);

/* The number of records, of all CPUs and since the start, that were lost because rings were frozen. */
uint64_t freeze_not_kept(void);

#endif
