// SPDX-License-Identifier: MIT
/*
 * The newest records of every vector, beside a CPU's ring, and the sites. A flood on one vector pushes the others' records out
 * of the ring, but not out of the reserve. Only its CPU writes it; any CPU may read it at any time.
 */
#ifndef TRAPLINE_RESERVE_H
#define TRAPLINE_RESERVE_H

#include "trace/ring.h"
#include "trace/sites.h"

#define RESERVE_VECTORS 32
#define RESERVE_RECORDS 8 /* for each vector */

struct reserve {
	uint64_t count[RESERVE_VECTORS]; /* total number of records */
	struct trap_record record[RESERVE_VECTORS][RESERVE_RECORDS];
	struct sites sites;
};

/*
 * Copies a new record of the ring over the vector's oldest one. Returns false if that one is less than `soon` records old: the
 * vector is then too frequent to keep.
 */
bool reserve_add(struct reserve *reserve, const struct trap_record *r, uint64_t soon);

/* Copies record i of a vector, from 0, the oldest. False: it does not exist, or is just being replaced. */
bool reserve_at(const struct reserve *reserve, unsigned vector, unsigned i, struct trap_record *out);

#endif
