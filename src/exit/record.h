// SPDX-License-Identifier: MIT
/*
 * Writes the trace: records of exceptions, INT n and the guest's marks. The caller begins a record, fills it in and ends it. Ending it
 * also updates what depends on it: counts, sites, the reserve and the printer's queue.
 */
#ifndef TRAPLINE_EXIT_RECORD_H
#define TRAPLINE_EXIT_RECORD_H

#include "cpu/cpu.h"
#include "hw/asm.h"
#include "trace/important.h"
#include "trace/vector.h"
#include "vendor.h"

/* Takes a slot of this CPU's ring and fills in the guest's state, the time and the CPU. The caller fills in event, flags, link and code. */
static inline struct trap_record *record_begin(struct cpu *cpu)
{
	struct trap_record *r = ring_begin(atomic_load_explicit(&cpu->writing, memory_order_relaxed));

	vendor->state.capture(cpu, r);
	r->tsc = rdtsc();
	r->cpu = (uint16_t)cpu->number;
	return r;
}

/* The general registers, except RSP, which is in the VMCB or VMCS. */
__attribute__((always_inline)) static inline void record_gprs(struct trap_record *r, const struct cpu *cpu)
{
#pragma GCC unroll 16
	for (unsigned i = 0; i < TRAP_GPRS; i++)
		if (i != TRAP_RSP)
			r->gpr[i] = cpu->gpr[i];
}

static inline void record_commit(struct cpu *cpu, struct trap_record *r)
{
	_Static_assert(offsetof(struct trap_record, type) == offsetof(struct trap_record, vector) + 1,
		"side by side");
	_Static_assert(offsetof(struct cpu, recorded_type) == offsetof(struct cpu, recorded_vector) + 1,
		"side by side");
	__builtin_memcpy(&cpu->recorded_vector, &r->vector, 2);
	ring_commit(atomic_load_explicit(&cpu->writing, memory_order_relaxed), r);
}

/* The part of a record's end that most records do not need: printing, the reserve, and polling for keys. */
void record_after(struct cpu *cpu, const struct trap_record *r);

/* What the counters need of a record, which the hot path has in registers. */
struct record_note {
	uint64_t rip, cr2, tsc;
	unsigned vector, cpl;
	uint32_t error;
};

static inline bool record_is_of_site(struct cpu *cpu, const struct record_note *n)
{
	struct site_note site = {n->rip, n->tsc, n->cr2, site_key_of(n->vector, n->cpl)};

	return sites_count(&cpu->reserve->sites, &site);
}

/*
 * A record is left out of record_after() if its vector is not printed and RESERVE_RECORDS of this vector came within a quarter of the
 * ring, until the ring has turned once: this keeps a flood of exceptions cheap. One record in poll_mask + 1 goes there nevertheless, to
 * poll for keys, as a guest that faults in a loop with interrupts off has no other exits.
 */
static inline bool record_is_noted(const struct cpu *cpu, uint64_t seq, const struct record_note *n)
{
	return (atomic_load_explicit(&cpu->noted, memory_order_relaxed) >> n->vector & 1) |
		       !((uint32_t)seq & cpu->poll_mask) ||
	       (n->vector == VEC_PF && important_pf(n->error, n->cr2, n->cpl));
}

static inline struct record_note record_note_of(const struct trap_record *r)
{
	return (struct record_note){r->rip, r->cr2, r->tsc, r->vector & 31, r->cpl & 3, r->error_code};
}

/* The record of an exception whose site is new, or not in its first place. */
void record_find_site(struct cpu *cpu, struct trap_record *r);

/* Ends the record of an exception, and counts it for its vector and its site. On the hot path: fixed cost, no lock, no printing. */
static inline void record_exception(struct cpu *cpu, struct trap_record *r)
{
	struct record_note n;

	record_commit(cpu, r);
	n = record_note_of(r);
	cpu->stats.vectors[n.vector][n.cpl]++;
	if (!record_is_of_site(cpu, &n))
		record_find_site(cpu, r);
	if (record_is_noted(cpu, r->seq, &n))
		record_after(cpu, r);
}

/* Ends the record of an INT n or a mark. These are not counted for a vector or a site. */
static inline void record_other(struct cpu *cpu, struct trap_record *r)
{
	record_commit(cpu, r);
	record_after(cpu, r);
}

/* Call it after a change of boot_info.config.print: records of all vectors go through record_after() again. */
void record_note_all(void);

#endif
