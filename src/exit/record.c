// SPDX-License-Identifier: MIT
#include "exit/record.h"
#include "exit/catch.h"
#include "exit/freeze.h"
#include "log/log.h"
#include "log/turn.h"

static bool is_printed(const struct trap_record *r)
{
	const struct config_printed *print = &boot_info.config.print;

	return print->vectors >> (r->vector & 31) & 1 && (!print->important || trap_is_important(r));
}

void record_note_all(void)
{
	for_each_cpu (c)
		atomic_store(&c->noted, ~0u);
}

/* The reserve has room for rare vectors. A printed one that proves frequent stays out of it until the ring has turned. */
static void keep(struct cpu *cpu, const struct trap_record *r, uint32_t bit)
{
	if (!reserve_add(cpu->reserve, r, cpu->ring.mask / 4))
		cpu->frequent |= bit;
}

static void print_or_reserve(struct cpu *cpu, const struct trap_record *r)
{
	uint32_t bit = 1u << (r->vector & 31);

	if (is_printed(r)) {
		if (log_queue_trap(cpu, r) || !(cpu->frequent & bit))
			keep(cpu, r, bit);
		return;
	}
	if (!(atomic_load(&cpu->noted) & bit) || reserve_add(cpu->reserve, r, cpu->ring.mask / 4))
		return;
	atomic_fetch_and(&cpu->noted, ~bit);
	if (is_printed(r) || atomic_load(&catch_vectors) & bit) /* the configuration has changed meanwhile */
		atomic_fetch_or(&cpu->noted, bit);
}

SLOW_PATH void record_after(struct cpu *cpu, const struct trap_record *r)
{
	if (!((uint32_t)r->seq & cpu->poll_mask)) {
		turn_poll(cpu);
		freeze_serve(cpu);
	}
	if (!(r->seq & cpu->ring.mask)) {
		atomic_store(&cpu->noted, ~0u);
		cpu->frequent = 0;
	}
	if (r->type == TRAP_TYPE_MARK || r->type == TRAP_TYPE_WATCH)
		log_queue_trap(cpu, r);
	else {
		print_or_reserve(cpu, r);
		if (atomic_load_explicit(&catch_vectors, memory_order_relaxed) &&
			r->type == TRAP_TYPE_EXCEPTION)
			catch_look(cpu, r);
	}
}

/* Stores the stack with the first record of an important site: when the operator reads it, the memory may hold another stack. */
static void save_stack(struct saved_stack *to, const struct trap_record *r)
{
	struct guest_paging paging = guest_paging_of(r);

	__atomic_store_n(&to->seq, 0, __ATOMIC_RELAXED);
	atomic_thread_fence(memory_order_release); /* as in ring_begin() */
	to->linear = stack_top(r);
	to->bytes = guest_read(&paging, to->linear, to->at, STACK_SAVED_MAX);
	__atomic_store_n(&to->seq, r->seq, __ATOMIC_RELEASE);
}

SLOW_PATH void record_find_site(struct cpu *cpu, struct trap_record *r)
{
	struct saved_stack *stack = sites_find(&cpu->reserve->sites, r);

	if (!stack)
		return;
	cpu->new_site = r->seq;
	save_stack(stack, r);
}
