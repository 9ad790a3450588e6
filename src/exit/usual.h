// SPDX-License-Identifier: MIT
/*
 * The usual exception: a fault of 64-bit code that can be read, which did not come in the delivery of another event. The vendor's
 * exit code inlines this, with its own part of the record in between, so that each value is read once and stored once. All other
 * exceptions go to exit_exception(), which makes the same record.
 */
#ifndef TRAPLINE_USUAL_H
#define TRAPLINE_USUAL_H

#include "cpu/cpu.h"
#include "exit/handlers.h"
#include "exit/record.h"
#include "guest/insn.h"
#include "trace/vector.h"

/* Faults whose vector says everything. The others are #DB, INT3 and INTO, NMI, the aborts, and those that VT-x or AMD-V treat alone. */
#define USUAL_VECTORS                                                                                        \
	(1u << VEC_DE | 1u << VEC_BR | 1u << VEC_UD | 1u << VEC_NM | 1u << VEC_TS | 1u << VEC_NP |           \
		1u << VEC_SS | 1u << VEC_GP | 1u << VEC_PF | 1u << VEC_AC | 1u << VEC_XM)

/*
 * Per vector. The event as EVENTINJ and the VM-entry interruption information have it (APM vol. 2 15.20, SDM vol. 3C table 25-17:
 * bits 31:0 are alike); and the record's vector, type, flags and mode, which are adjacent.
 */
extern const uint32_t usual_event[VECTOR_COUNT], usual_kind[VECTOR_COUNT];

#define USUAL_EVENT_ERROR (1u << 11)

struct usual {
	struct trace_ring *ring;
	struct trap_record *record;
	uint64_t seq;
};

/* Work that waits may have to know the event. */
static inline bool usual_is_possible(const struct cpu *cpu)
{
	return !(cpu->work & ~(uint32_t)CPU_WORK_CONSOLE);
}

static inline bool usual_is_vmcall(unsigned vector, const uint8_t *code)
{
	return __builtin_expect(vector == VEC_UD, 0) && insn_begins_vmcall(code);
}

/* exit_exception() of such a #UD. The vendor skips the instruction, if cpu->exit.skip is set then. */
static inline void usual_vmcall(struct cpu *cpu)
{
	cpu->exit.kind = EXIT_EXCEPTION;
	cpu->stats.exits[EXIT_EXCEPTION]++;
	exit_vmcall(cpu);
}

/* Puts several adjacent members at once. */
#define USUAL_PUT(first, last, value)                                                                        \
	do {                                                                                                 \
		_Static_assert(                                                                              \
			offsetof(struct trap_record, last) + sizeof(((struct trap_record *)0)->last) ==      \
				offsetof(struct trap_record, first) + sizeof(value),                         \
			"adjacent");                                                                         \
		__builtin_memcpy((char *)r + offsetof(struct trap_record, first), &(value), sizeof(value));  \
	} while (0)

/* Begins the record, with its code. */
static inline void usual_begin(struct cpu *cpu, struct usual *u, const uint8_t *code)
{
	struct trap_record *r;

	u->ring = atomic_load_explicit(&cpu->writing, memory_order_relaxed);
	u->seq = ring_next(u->ring);
	u->record = r = ring_begin_as(u->ring, u->seq);
	r->code_len = TRAP_CODE_MAX;
	__builtin_memcpy(r->code, code, 8);
	__builtin_memcpy(r->code + TRAP_CODE_MAX - 8, code + TRAP_CODE_MAX - 8, 8);
}

/* 64-bit code has no SS.B, and no event was being delivered. */
static inline void usual_privilege(const struct usual *u, uint32_t cpl)
{
	struct trap_record *r = u->record;

	USUAL_PUT(privilege, link, cpl);
}

/* Fills in the event, and what is the same in all 64-bit code, and commits the record. */
__attribute__((always_inline)) static inline void usual_commit(
	struct cpu *cpu, const struct usual *u, const struct record_note *n)
{
	struct trap_record *r = u->record;
	uint32_t kind = usual_kind[n->vector];
	uint64_t errors = n->error;

	r->rip = n->rip;
	r->cr2 = n->cr2;
	r->tsc = n->tsc;
	r->cpu = (uint16_t)cpu->number;
	r->cs_base = r->ss_base = r->ds_base = r->es_base = 0;
	USUAL_PUT(error_code, during_error, errors);
	USUAL_PUT(vector, mode, kind);
	__builtin_memcpy(&cpu->recorded_vector, &kind, 2);
	ring_commit_as(u->ring, r, u->seq);
}

/* The rest of a record that has more to do, and of its exit. */
void usual_new_site(struct cpu *cpu, struct trap_record *r, void (*end)(struct cpu *));
void usual_after(struct cpu *cpu, struct trap_record *r, void (*end)(struct cpu *));

/*
 * Counts the record.
 *   end  ends the exit, if more has to be done
 * Returns whether it was called. That is the last that the caller does then, so the compiler needs no registers for later.
 */
__attribute__((always_inline)) static inline bool usual_count(
	struct cpu *cpu, const struct usual *u, const struct record_note *n, void (*end)(struct cpu *))
{
	cpu->exit.kind = EXIT_EXCEPTION;
	cpu->stats.exits[EXIT_EXCEPTION]++;
	cpu->stats.vectors[n->vector][n->cpl]++;
	if (__builtin_expect(!record_is_of_site(cpu, n), 0))
		usual_new_site(cpu, u->record, end);
	else if (__builtin_expect(record_is_noted(cpu, u->seq, n), 0))
		usual_after(cpu, u->record, end);
	else if (__builtin_expect(cpu->work != 0, 0))
		end(cpu);
	else
		return false;
	return true;
}

#endif
