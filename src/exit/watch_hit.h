// SPDX-License-Identifier: MIT
/*
 * A hit of a watch: its record, and what follows from it. The state is taken at the exit, before the access; the record is written
 * when the values after it are known.
 */
#ifndef TRAPLINE_WATCH_HIT_H
#define TRAPLINE_WATCH_HIT_H

#include "cpu/cpu.h"
#include "watch/watch.h"

/*
 * Fills *r with the guest's state and its code, and with zeros where a watch's own members are. It can be decoded until
 * watch_hit_values(). The caller sets watch_where, watch_size, watch_access, watch_flags and watch_register, and cr2 with TRAP_WATCH_LINEAR.
 */
void watch_hit_begin(struct cpu *cpu, struct trap_record *r);

/* Makes it a watch's record. The values take the place of the bases of FS and GS. */
void watch_hit_values(struct trap_record *r, uint64_t old, uint64_t new);

/*
 * Says which bytes were accessed.
 *   flags   TRAP_WATCH_...; TRAP_WATCH_PHYSICAL is added
 *   linear  with TRAP_WATCH_LINEAR
 */
static inline void watch_hit_place(struct trap_record *r, unsigned flags, uint64_t physical, uint64_t linear)
{
	r->watch_flags = (uint8_t)(flags | TRAP_WATCH_PHYSICAL);
	r->watch_where[0] = (uint32_t)physical;
	r->watch_where[1] = (uint32_t)(physical >> 32);
	if (flags & TRAP_WATCH_LINEAR)
		r->cr2 = linear;
}

/*
 * Counts a hit, writes its record if the rate allows it, and does what the watch asks for besides: WATCH_ONCE ends it, WATCH_STOP
 * stops all CPUs at the end of this exit. WATCH_DENY is the caller's. An excepted access is counted, and nothing else happens.
 *   generation  as watch_read() returned it; if the watch is another one by now, nothing happens
 */
void watch_hit_end(struct cpu *cpu, struct watch *w, uint32_t generation, struct trap_record *r);

/* A hit of WATCH_BREAK: the CPU stops before the access. */
void watch_hit_break(struct cpu *cpu, struct watch *w, uint32_t generation);

#endif
