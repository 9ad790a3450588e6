#include "exit/exception.h"
#include "log/log.h"
#include "log/turn.h"
#include "hw/asm.h"
#include "hw/x86.h"
#include "exit/freeze.h"
#include "guest/insn.h"
#include "exit/handlers.h"
#include "exit/merge.h"
#include "exit/shutdown.h"
#include "lib/string.h"
#include "trace/important.h"
#include "trace/vector.h"
#include "vendor.h"

static void set_flags(struct trap_record *r, const struct exit *x, const struct event *e, unsigned flags)
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

/* How far back the record of the interrupted event stands: it is this CPU's newest, if it was recorded at
 * all. */
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
	_Static_assert(offsetof(struct cpu, recorded_type) == offsetof(struct cpu, recorded_vector) + 1,
		"side by side");
	__builtin_memcpy(to, (const char *)e + offsetof(struct event, vector), 2);
}

static bool is_printed(const struct trap_record *r)
{
	const struct config_printed *print = &boot_info.config.print;

	return print->vectors >> (r->vector & 31) & 1 && (!print->important || trap_is_important(r));
}

void exception_note_all(void)
{
	for_each_cpu (c)
		atomic_store(&c->noted, ~0u);
}

/*
 * All records come here but those of a vector that is not printed and of which RESERVE_RECORDS came within a quarter of
 * the ring: then it is left out until the ring has turned once, so that a flood costs next to nothing. A guest that
 * faults in a loop with interrupts off has no other exits: one record in so many comes here to look for keys.
 */
SLOW_PATH static void after_record(struct cpu *cpu, const struct trap_record *r)
{
	uint32_t bit = 1u << (r->vector & 31);

	if (!((uint32_t)r->seq & cpu->poll_mask)) {
		turn_poll(cpu);
		freeze_serve(cpu);
	}
	if (!(r->seq & cpu->ring.mask))
		atomic_store(&cpu->noted, ~0u);
	if (is_printed(r)) {
		log_queue_trap(cpu, r);
		reserve_add(cpu->reserve, r, cpu->ring.mask / 4);
		return;
	}
	if (!(atomic_load(&cpu->noted) & bit) || reserve_add(cpu->reserve, r, cpu->ring.mask / 4))
		return;
	atomic_fetch_and(&cpu->noted, ~bit);
	if (is_printed(r)) /* it has become so meanwhile */
		atomic_fetch_or(&cpu->noted, bit);
}

/* The first record of a site that matters: by the time that somebody asks, the stack may be somebody else's. */
SLOW_PATH static void keep_stack(struct kept_stack *to, const struct trap_record *r)
{
	struct guest_paging paging = guest_paging_of(r);

	__atomic_store_n(&to->seq, 0, __ATOMIC_RELAXED);
	atomic_thread_fence(memory_order_release); /* as in ring_begin() */
	to->linear = stack_top(r);
	to->bytes = guest_read(&paging, to->linear, to->at, STACK_KEPT_MAX);
	__atomic_store_n(&to->seq, r->seq, __ATOMIC_RELEASE);
}

/* The record of one event. On the hot path: fixed cost, no lock, no printing. */
static void record(struct cpu *cpu, const struct event *e, unsigned flags)
{
	const struct exit *x = &cpu->exit;
	struct trace_ring *ring = atomic_load_explicit(&cpu->writing, memory_order_relaxed);
	struct trap_record *r = ring_begin(ring);
	struct kept_stack *stack;

	vendor->state.capture(cpu, r);
	r->tsc = rdtsc();
	r->error_code = e->error;
	r->during_error = x->during.error;
	r->cpu = (uint16_t)cpu->number;
	copy_kind(&r->vector, e);
	copy_kind(&r->during_vector, &x->during);
	r->link = link_of(cpu, &x->during);
	set_flags(r, x, e, flags);
	r->code_len = x->code_len;
	__builtin_memcpy(r->code, x->code, TRAP_CODE_MAX);
	ring_commit(ring, r);
	copy_kind(&cpu->recorded_vector, e);
	cpu->stats.vectors[e->vector & 31][r->cpl == 3]++;
	stack = sites_note(&cpu->reserve->sites, r);
	if (stack)
		keep_stack(stack, r);
	if ((atomic_load_explicit(&cpu->noted, memory_order_relaxed) >> (e->vector & 31) & 1) |
			!((uint32_t)r->seq & cpu->poll_mask) ||
		(e->vector == VEC_PF && important_pf(e->error, x->address, r->cpl)))
		after_record(cpu, r);
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
		first->vector == VEC_PF) /* CR2 is loaded all the same: SDM vol. 3A 6.15, #PF */
		vendor->state.set(cpu, GUEST_CR2, cpu->exit.address);
	cpu->exit.during = *first;
	record(cpu, &df, TRAP_SYNTHESIZED);
	vendor->events.inject(cpu, &df, 0);
}

/*
 * INT n above 31 is a system call of the guest's, not a fault: it goes back without a record. One below has a record, but
 * is none of the exceptions that are counted by that number.
 */
SLOW_PATH static void record_software(struct cpu *cpu, const struct event *e)
{
	if (e->vector >= 32)
		return;
	record(cpu, e, 0);
	cpu->stats.vectors[e->vector][vendor->state.get(cpu, GUEST_CPL) == 3]--;
}

/* One event of the two goes in, or a third. */
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
