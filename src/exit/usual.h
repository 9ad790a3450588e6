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
	const uint8_t *code;
};

/* The code at RIP in 64-bit code; NULL: this exception takes the long way. Work that waits may have to know the event. */
static inline const uint8_t *usual_code(struct cpu *cpu, uint64_t cr3, uint64_t cr4, uint64_t rip)
{
	if (cpu->work & ~(uint32_t)CPU_WORK_CONSOLE)
		return NULL;
	return code_page_at(&cpu->code_page, cr3, cr4, rip);
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

static inline void usual_begin(struct cpu *cpu, struct usual *u)
{
	u->ring = atomic_load_explicit(&cpu->writing, memory_order_relaxed);
	u->seq = ring_next(u->ring);
	u->record = ring_begin_as(u->ring, u->seq);
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

/* Fills in the event, the code, and what is the same in all 64-bit code, and ends the record. */
__attribute__((always_inline)) static inline void usual_end(
	struct cpu *cpu, const struct usual *u, const struct record_note *n)
{
	struct trap_record *r = u->record;
	uint32_t kind = usual_kind[n->vector], cpl = n->cpl;
	uint64_t errors = n->error;

	r->rip = n->rip;
	r->cr2 = n->cr2;
	r->tsc = n->tsc;
	r->cpu = (uint16_t)cpu->number;
	r->cs_base = r->ss_base = r->ds_base = r->es_base = 0;
	USUAL_PUT(error_code, during_error, errors);
	USUAL_PUT(vector, mode, kind);
	USUAL_PUT(privilege, link, cpl);
	r->code_len = TRAP_CODE_MAX;
	__builtin_memcpy(r->code, u->code, 8);
	__builtin_memcpy(r->code + TRAP_CODE_MAX - 8, u->code + TRAP_CODE_MAX - 8, 8);
	__builtin_memcpy(&cpu->recorded_vector, &kind, 2);
	ring_commit_as(u->ring, r, u->seq);
	cpu->exit.kind = EXIT_EXCEPTION;
	cpu->stats.exits[EXIT_EXCEPTION]++;
	record_count(cpu, r, u->seq, n);
}

#endif
