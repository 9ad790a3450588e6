// SPDX-License-Identifier: MIT
/* The part of MSR watches that both vendors share: changes of the permission map, and values that WRMSR refuses. Pure. */
#ifndef TRAPLINE_WATCH_MSR_MAP_H
#define TRAPLINE_WATCH_MSR_MAP_H

#include "watch/watch.h"

/* The MSRs whose bits in the map differ from what they are without watches. */
struct watch_msr_map {
	unsigned count;
	struct {
		uint32_t msr;
		unsigned before; /* the accesses that exit without watches */
	} changed[WATCH_MAX];
};

/*
 * Brings the map in line with the watches. One CPU at a time calls it.
 *   set  sets which accesses to an MSR exit (WATCH_READ, WATCH_WRITE), and returns which did before
 */
void watch_msr_map_update(struct watch_msr_map *m, unsigned (*set)(uint32_t msr, unsigned accesses));

/*
 * Whether WRMSR of an MSR that is part of the vendor's saved state accepts a value: addresses are canonical (SDM vol. 2C WRMSR, APM vol. 3
 * WRMSR), and PAT has known memory types (SDM vol. 3A 12.12.2, APM vol. 2 7.8.1).
 */
bool watch_msr_accepts(uint32_t msr, uint64_t value, bool la57);

#endif
