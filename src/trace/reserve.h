/*
 * The newest records of every vector, beside a CPU's ring: a flood on one vector pushes the others' records out
 * of the ring, but not out of here; and the sites. Written like the ring, by its CPU alone, and read by anybody at any time.
 */
#ifndef TRAPLINE_RESERVE_H
#define TRAPLINE_RESERVE_H

#include "trace/ring.h"
#include "trace/sites.h"

#define RESERVE_VECTORS 32
#define RESERVE_RECORDS 8 /* of each */

struct reserve {
	uint64_t count[RESERVE_VECTORS]; /* ever */
	struct trap_record record[RESERVE_VECTORS][RESERVE_RECORDS];
	struct sites sites;
};

/*
 * Copies a record that the ring has just got over the vector's oldest one. False: that one is less than `soon` records old, so
 * the vector comes too often to keep.
 */
bool reserve_add(struct reserve *kept, const struct trap_record *r, uint64_t soon);

/* Copies record i of a vector, from 0, the oldest. False: there is none, or it is just being replaced. */
bool reserve_at(const struct reserve *kept, unsigned vector, unsigned i, struct trap_record *out);

#endif
