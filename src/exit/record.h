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
void record_save_stack(struct saved_stack *to, const struct trap_record *r);

/*
 * Ends the record of an exception, and counts it for its vector and its site. On the hot path: fixed cost, no lock, no printing.
 *
 * A record is left out of record_after() if its vector is not printed and RESERVE_RECORDS of this vector came within a quarter of the
 * ring, until the ring has turned once: this keeps a flood of exceptions cheap. One record in poll_mask + 1 goes there nevertheless, to
 * poll for keys, as a guest that faults in a loop with interrupts off has no other exits.
 */
__attribute__((always_inline)) static inline void record_exception(struct cpu *cpu, struct trap_record *r)
{
	struct saved_stack *stack;

	record_commit(cpu, r);
	cpu->stats.vectors[r->vector & 31][r->cpl == 3]++;
	stack = sites_note(&cpu->reserve->sites, r);
	if (stack)
		record_save_stack(stack, r);
	if ((atomic_load_explicit(&cpu->noted, memory_order_relaxed) >> (r->vector & 31) & 1) |
			!((uint32_t)r->seq & cpu->poll_mask) ||
		(r->vector == VEC_PF && important_pf(r->error_code, r->cr2, r->cpl)))
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
