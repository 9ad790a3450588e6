// SPDX-License-Identifier: MIT
#include "apic/pause.h"
#include "apic/park.h"

_Atomic bool pause_asked;
static _Atomic bool died;

bool pause_has(const struct cpu *cpu)
{
	return atomic_load(&cpu->paused);
}

void pause_begin(struct cpu *cpu)
{
	bool news = !atomic_exchange(&pause_asked, true);

	for_each_cpu (c)
		news |= atomic_exchange(&c->released, false);
	if (news)
		cpu_kick_others(cpu);
}

void pause_release(struct cpu *cpu)
{
	if (!atomic_load(&died))
		atomic_store(&cpu->released, true);
}

bool pause_lets_any(void)
{
	for_each_cpu (c)
		if (atomic_load(&c->released))
			return true;
	return false;
}

bool pause_end(void)
{
	if (atomic_load(&died))
		return false;
	atomic_store(&pause_asked, false);
	return true;
}

const struct trap_record *pause_where(const struct cpu *cpu)
{
	return &cpu->paused_at;
}

void pause_arrive(struct cpu *cpu, const struct trap_record *r)
{
	cpu->paused_at = *r;
	atomic_store(&cpu->paused, true);
}

void pause_leave(struct cpu *cpu)
{
	atomic_store(&cpu->paused, false);
}

void pause_over(void)
{
	atomic_store(&died, false);
	atomic_store(&pause_asked, false);
}

void pause_for_good(struct cpu *cpu, const struct trap_record *r)
{
	pause_arrive(cpu, r);
	atomic_store(&died, true);
	pause_begin(cpu);
}
