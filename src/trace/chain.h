// SPDX-License-Identifier: MIT
/* The fault chain: a record and the records whose delivery it interrupted, back to the first fault. Pure. */
#ifndef TRAPLINE_CHAIN_H
#define TRAPLINE_CHAIN_H

#include "trace/ring.h"

/*
 * A chain has at most four links: first fault, fault during its delivery, #DF, the fault that shuts the CPU
 * down.
 */
#define CHAIN_MAX 8

/*
 * Follows the links back from record `seq`.
 *   out  room for CHAIN_MAX records; filled with the first fault first
 * Returns the number of records; 0 if `seq` is no longer in the ring.
 */
unsigned chain_collect(const struct trace_ring *ring, uint64_t seq, struct trap_record *out);

/* Whether two records are the same event at the same address. */
bool chain_is_same(const struct trap_record *a, const struct trap_record *b);

/* Consecutive records that are the same event at the same address. */
struct trap_run {
	struct trap_record first; /* the oldest of them */
	uint64_t count;
};

/*
 * Finds the runs that end with record `seq`, the newest run first. A run that began before the oldest record of the ring is
 * counted from that record on.
 *   max  the number of runs that fit into `out`
 * Returns the number of runs.
 */
unsigned chain_runs(const struct trace_ring *ring, uint64_t seq, struct trap_run *out, unsigned max);

#endif
