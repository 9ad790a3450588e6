// SPDX-License-Identifier: MIT
#include "exit/watch_register.h"
#include "exit/intercept.h"
#include "exit/watch_hit.h"

_Atomic bool watch_registers;

const char *watch_register_changed(struct cpu *cpu)
{
	bool any = watch_any(WATCH_REGISTER);

	/* Without such watches, before and after, no CPU has anything to do. */
	if (atomic_exchange(&watch_registers, any) || any)
		intercept_again(cpu);
	return NULL;
}

bool watch_register_wants(enum watch_register reg, uint32_t msr, unsigned access)
{
	return atomic_load_explicit(&watch_registers, memory_order_relaxed) &&
	       watch_register_mask(reg, msr, access);
}

bool watch_register_denies(enum watch_register reg, uint32_t msr, unsigned access, uint64_t old, uint64_t new)
{
	for_each_watch(w)
	{
		struct watch_spec s;
		uint32_t generation;
		uint16_t id;

		if (watch_read(w, &id, &s, &generation) && s.action == WATCH_DENY &&
			watch_register_hits(&s, reg, msr, access, old, new))
			return true;
	}
	return false;
}

static void fill(struct trap_record *r, enum watch_register reg, uint32_t msr, unsigned access)
{
	r->watch_register = (uint8_t)reg;
	r->watch_access = (uint8_t)access;
	r->watch_where[0] = msr;
	r->watch_where[1] = 0;
}

void watch_register_note(struct cpu *cpu, struct trap_record *r, enum watch_register reg, uint32_t msr,
	unsigned access, uint64_t old, uint64_t new, bool denied)
{
	fill(r, reg, msr, access);
	r->watch_old = old;
	r->watch_new = new;
	r->watch_flags = TRAP_WATCH_OLD | (access & WATCH_WRITE ? TRAP_WATCH_NEW : 0) |
			 (denied ? TRAP_WATCH_DENIED : 0);
	for_each_watch(w)
	{
		struct watch_spec s;
		uint32_t generation;
		uint16_t id;

		if (watch_read(w, &id, &s, &generation) &&
			watch_register_hits(&s, reg, msr, access, old, new))
			watch_hit_end(cpu, w, generation, r);
	}
}
