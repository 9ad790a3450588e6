/*
 * Frozen rings: for a time they do not change, so that a reader can look at them. Meanwhile each CPU writes to a ring beside
 * its own, at the same cost, and its records are numbered as ever. When the time is over the newest BLACKBOX_BESIDE of them
 * move into the ring; the others are counted as not kept.
 */
#ifndef TRAPLINE_FREEZE_H
#define TRAPLINE_FREEZE_H

#include "cpu/cpu.h"

#define FREEZE_SECONDS_MAX 3600

/* All CPUs' rings for so many seconds from now on; 0: they go on. */
void freeze_set(struct cpu *cpu, uint64_t seconds);

/* Carries out on this CPU what was ordered last, and ends what lasts too long. */
void freeze_serve(struct cpu *cpu);

/* This CPU's ring goes on, whatever was ordered: the report of an end begins. */
void freeze_end(struct cpu *cpu);

/* How many seconds are left, 0: the rings are not frozen. */
uint64_t freeze_left(void);

/* Records of all CPUs that no ring has kept, ever, because it was frozen. */
uint64_t freeze_not_kept(void);

#endif
