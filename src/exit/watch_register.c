// SPDX-License-Identifier: MIT
#include "exit/watch_register.h"
#include "exit/intercept.h"
#include "exit/watch_hit.h"
#include "hw/msr.h"
#include "vendor.h"

static bool before; /* there were such watches at the last change */

static void set_shared(struct cpu *cpu, bool any)
{
	before = any;
	vendor->exits.watch(cpu, WATCH_REGISTERS, any);
}

void watch_register_changed(struct cpu *cpu)
{
	bool any = watch_any(WATCH_REGISTER);

	if (!any && !before)
		return;
	set_shared(cpu, any);
	intercept_again(cpu);
}

void watch_register_begin_all(void)
{
	if (watch_any(WATCH_REGISTER))
		set_shared(cpus[0], true);
}

/* EFER is an MSR as well, and may be watched under both names. */
static bool hits(const struct watch_spec *s, const struct watch_access_state *a, uint64_t new)
{
	return watch_register_hits(s, a->reg, a->msr, a->access, a->old, new) ||
	       (a->reg == WATCH_EFER && watch_register_hits(s, WATCH_MSR, a->msr, a->access, a->old, new));
}

bool watch_register_wants(enum watch_register reg, uint32_t msr, unsigned access)
{
	return watch_register_mask(reg, msr, access) ||
	       (reg == WATCH_EFER && watch_register_mask(WATCH_MSR, msr, access));
}

void watch_register_begin(
	struct cpu *cpu, struct watch_access_state *a, enum watch_register reg, uint32_t msr, unsigned access)
{
	watch_hit_begin(cpu, &a->record);
	a->reg = reg;
	a->msr = msr;
	a->access = access;
	a->has_old = false;
	a->old = 0;
}

static void note(struct cpu *cpu, struct watch_access_state *a, uint64_t new, uint8_t flags)
{
	struct trap_record *r = &a->record;

	r->watch_register = (uint8_t)a->reg;
	r->watch_access = (uint8_t)a->access;
	r->watch_where[0] = a->msr;
	watch_hit_values(r, a->old, a->access == WATCH_WRITE ? new : 0);
	r->watch_flags = (uint8_t)(flags | (a->has_old ? TRAP_WATCH_OLD : 0) |
				   (a->access == WATCH_WRITE ? TRAP_WATCH_NEW : 0));
	for_each_watch (w) {
		struct watch_spec s;
		uint32_t generation;
		uint16_t id;

		if (watch_read(w, &id, &s, &generation) && hits(&s, a, new))
			watch_hit_end(cpu, w, generation, r);
	}
}

bool watch_register_denies(struct cpu *cpu, struct watch_access_state *a, uint64_t new)
{
	for_each_watch (w) {
		struct watch_spec s;
		uint32_t generation;
		uint16_t id;

		if (!watch_read(w, &id, &s, &generation) || s.action != WATCH_DENY || !hits(&s, a, new) ||
			watch_excepts(&s, a->record.rip))
			continue;
		note(cpu, a, new, TRAP_WATCH_DENIED);
		return true;
	}
	return false;
}

void watch_register_end(struct cpu *cpu, struct watch_access_state *a, uint64_t new)
{
	note(cpu, a, new, 0);
}
