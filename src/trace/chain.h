/* The fault chain: a record and those whose delivery it interrupted, back to the first fault. Pure. */
#ifndef TRAPLINE_CHAIN_H
#define TRAPLINE_CHAIN_H

#include "trace/ring.h"

/* A chain has four links at most: first fault, fault during its delivery, #DF, the fault that shut the CPU
 * down. */
#define CHAIN_MAX 8

/*
 * Follows the links back from record `seq`.
 *   out  room for CHAIN_MAX records; filled with the first fault first
 * Returns how many there are; 0 when `seq` is not in the ring any more.
 */
unsigned chain_collect(const struct trace_ring *ring, uint64_t seq, struct trap_record *out);

/* Whether two records are the same event at the same place. */
bool chain_is_same(const struct trap_record *a, const struct trap_record *b);

/* Records in a row that are the same event at the same place. */
struct trap_run {
	struct trap_record first; /* the oldest of them */
	uint64_t count;
};

/*
 * The runs that end with record `seq`, the newest run first.
 * Returns how many there are, `max` at most; a run that reaches back beyond the ring is counted as far as the
 * ring goes.
 */
unsigned chain_runs(const struct trace_ring *ring, uint64_t seq, struct trap_run *out, unsigned max);

#endif
