// SPDX-License-Identifier: MIT
#include "exit/exception.h"
#include "hw/x86.h"
#include "guest/insn.h"
#include "exit/handlers.h"
#include "exit/merge.h"
#include "exit/record.h"
#include "exit/shutdown.h"
#include "trace/vector.h"
#include "vendor.h"

__attribute__((always_inline)) static inline void set_flags(
	struct trap_record *r, const struct exit *x, const struct event *e, unsigned flags)
{
	if (e->has_error)
		flags |= TRAP_HAS_ERROR;
	if (x->during.valid)
		flags |= TRAP_DURING | (x->during.has_error ? TRAP_DURING_ERR : 0);
	if (e->type == TRAP_TYPE_EXCEPTION && e->vector == VEC_PF) {
		r->cr2 = x->address;
		flags |= TRAP_HAS_CR2;
	} else if (e->vector == VEC_DB && e->type != TRAP_TYPE_SOFTINT) {
		flags |= TRAP_HAS_DR6;
	}
	r->flags = (uint8_t)flags;
}

/*
 * The distance back to the record of the interrupted event: it is this CPU's newest record, if it was recorded at
 * all.
 */
static uint8_t link_of(const struct cpu *cpu, const struct event *during)
{
	return during->valid && cpu->recorded_vector == during->vector && cpu->recorded_type == during->type;
}

/* Copies the adjacent vector and type as one 16-bit word. */
static inline void copy_kind(uint8_t *to, const struct event *e)
{
	_Static_assert(offsetof(struct event, type) == offsetof(struct event, vector) + 1, "side by side");
	_Static_assert(offsetof(struct trap_record, type) == offsetof(struct trap_record, vector) + 1,
		"side by side");
	_Static_assert(
		offsetof(struct trap_record, during_type) == offsetof(struct trap_record, during_vector) + 1,
		"side by side");
	__builtin_memcpy(to, (const char *)e + offsetof(struct event, vector), 2);
}

__attribute__((always_inline)) static inline struct trap_record *begin(
	struct cpu *cpu, const struct event *e, unsigned flags)
{
	const struct exit *x = &cpu->exit;
	struct trap_record *r = record_begin(cpu);

	r->error_code = e->error;
	r->during_error = x->during.error;
	copy_kind(&r->vector, e);
	copy_kind(&r->during_vector, &x->during);
	r->link = link_of(cpu, &x->during);
	set_flags(r, x, e, flags);
	r->code_len = x->code_len;
	__builtin_memcpy(r->code, x->code, TRAP_CODE_MAX);
	return r;
}

static void record(struct cpu *cpu, const struct event *e, unsigned flags)
{
	record_exception(cpu, begin(cpu, e, flags));
}

static void double_fault(struct cpu *cpu, const struct event *first)
{
	struct event df = {
		.valid = true,
		.vector = VEC_DF,
		.type = TRAP_TYPE_EXCEPTION,
		.has_error = vendor->state.get(cpu, GUEST_CR0) & 1,
	};
	record(cpu, first, TRAP_DOUBLED);
	if (first->type == TRAP_TYPE_EXCEPTION &&
		first->vector == VEC_PF) /* CR2 is loaded nevertheless: SDM vol. 3A 6.15, #PF */
		vendor->state.set(cpu, GUEST_CR2, cpu->exit.address);
	cpu->exit.during = *first;
	record(cpu, &df, TRAP_SYNTHESIZED);
	vendor->events.inject(cpu, &df, 0);
}

/*
 * INT n above 31 is a system call of the guest, not a fault: it is injected without a record. INT n below 32 has a record, but
 * does not count as the exception with that number.
 */
SLOW_PATH static void record_software(struct cpu *cpu, const struct event *e)
{
	if (e->vector < 32)
		record_other(cpu, begin(cpu, e, 0));
}

/* Merges the two events: one of them, or a third event, is injected. */
static enum merge_result merge(struct cpu *cpu)
{
	cpu_end_work(cpu, CPU_WORK_EVENT);
	return merge_events(&cpu->exit.during, &cpu->exit.event);
}

void exit_exception(struct cpu *cpu)
{
	struct exit *x = &cpu->exit;
	enum merge_result result;

	insn_fetch(cpu);
	if (x->event.vector == VEC_UD && insn_is_vmcall(x)) {
		exit_vmcall(cpu);
		return;
	}
	result = x->during.valid ? merge(cpu) : MERGE_DELIVER;
	if (result == MERGE_DOUBLE_FAULT) {
		double_fault(cpu, &x->event);
	} else if (result == MERGE_TRIPLE_FAULT) {
		record(cpu, &x->event, TRAP_TRIPLED);
		shutdown_guest(cpu);
	} else {
		if (x->event.type == TRAP_TYPE_SOFTINT)
			record_software(cpu, &x->event);
		else
			record(cpu, &x->event, 0);
		vendor->events.inject(cpu, &x->event, x->address);
	}
}

static void raise(struct cpu *cpu, uint8_t vector, uint32_t error, uint64_t cr2)
{
	struct event e = {
		.valid = true,
		.vector = vector,
		.type = TRAP_TYPE_EXCEPTION,
		.has_error = vector_has_error(vector) && (vendor->state.get(cpu, GUEST_CR0) & 1),
		.error = error,
	};
	insn_read(cpu);
	if (cpu->work & CPU_WORK_EVENT) {
		cpu->exit.event = e;
		exit_exception(cpu);
		return;
	}
	if (boot_info.config.intercept >> vector & 1)
		record(cpu, &e, 0);
	vendor->events.inject(cpu, &e, cr2);
}

void exception_raise(struct cpu *cpu, uint8_t vector, uint32_t error)
{
	raise(cpu, vector, error, 0);
}

void exception_raise_pf(struct cpu *cpu, uint32_t error, uint64_t address)
{
	cpu->exit.address = address;
	raise(cpu, VEC_PF, error, address);
}

void exception_single_step(struct cpu *cpu)
{
	vendor->state.set(cpu, GUEST_DR6, vendor->state.get(cpu, GUEST_DR6) | DR6_BS);
	exception_raise(cpu, VEC_DB, 0);
}
