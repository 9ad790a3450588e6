/*
 * The newest records of every vector, beside a CPU's ring: a flood on one vector pushes the others' records out
 * of the ring, but not out of here; and the sites. Written like the ring, by its CPU alone, and read by anybody at any time.
 */
#ifndef TRAPLINE_KEPT_H
#define TRAPLINE_KEPT_H

#include "trace/ring.h"
#include "trace/sites.h"

#define KEPT_VECTORS 32
#define KEPT_RECORDS 8 /* of each */

struct kept {
	uint64_t count[KEPT_VECTORS]; /* ever */
	struct trap_record record[KEPT_VECTORS][KEPT_RECORDS];
	struct sites sites;
};

/*
 * Copies a record that the ring has just got over the vector's oldest one. False: that one is less than `soon` records old, so
 * the vector comes too often to keep.
 */
bool kept_add(struct kept *kept, const struct trap_record *r, uint64_t soon);

/* Copies record i of a vector, from 0, the oldest. False: there is none, or it is just being replaced. */
bool kept_at(const struct kept *kept, unsigned vector, unsigned i, struct trap_record *out);

#endif
