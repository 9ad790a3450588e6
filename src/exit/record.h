/*
 * The trace is written here: exceptions, INT n and the guest's marks. A record is begun, filled in and ended; what follows from it
 * (counts, sites, the reserve, the printer's queue) is the end's business.
 */
#ifndef TRAPLINE_EXIT_RECORD_H
#define TRAPLINE_EXIT_RECORD_H

#include "cpu/cpu.h"
#include "hw/asm.h"
#include "trace/important.h"
#include "trace/vector.h"
#include "vendor.h"

/* Takes a slot of this CPU's ring. It has the guest's state, the time and the CPU; the event, flags, link and code are the caller's. */
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

/* What most records do not need. */
void record_after(struct cpu *cpu, const struct trap_record *r);
void record_keep_stack(struct kept_stack *to, const struct trap_record *r);

/*
 * Ends the record of an exception: it is counted, and so is its site. On the hot path: fixed cost, no lock, no printing.
 *
 * All records take the long way but those of a vector that is not printed and of which RESERVE_RECORDS came within a quarter of
 * the ring: then it is left out until the ring has turned once, so that a flood costs next to nothing. A guest that
 * faults in a loop with interrupts off has no other exits: one record in so many goes there to look for keys.
 */
__attribute__((always_inline)) static inline void record_exception(struct cpu *cpu, struct trap_record *r)
{
	struct kept_stack *stack;

	record_commit(cpu, r);
	cpu->stats.vectors[r->vector & 31][r->cpl == 3]++;
	stack = sites_note(&cpu->reserve->sites, r);
	if (stack)
		record_keep_stack(stack, r);
	if ((atomic_load_explicit(&cpu->noted, memory_order_relaxed) >> (r->vector & 31) & 1) |
			!((uint32_t)r->seq & cpu->poll_mask) ||
		(r->vector == VEC_PF && important_pf(r->error_code, r->cr2, r->cpl)))
		record_after(cpu, r);
}

/* Ends the record of what is none: INT n, a mark. No vector's count and no site has it. */
static inline void record_other(struct cpu *cpu, struct trap_record *r)
{
	record_commit(cpu, r);
	record_after(cpu, r);
}

/* boot_info.config.print has changed: records of every vector take the long way once more. */
void record_note_all(void);

#endif
