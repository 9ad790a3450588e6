// SPDX-License-Identifier: MIT
#include "apic/pause.h"
#include "apic/park.h"

_Atomic uint32_t pause_asked;
static _Atomic uint32_t last; /* the number of the last stop */
static _Atomic bool died;

bool pause_has(const struct cpu *cpu)
{
	return atomic_load(&cpu->paused);
}

static uint32_t next_number(void)
{
	uint32_t n = atomic_fetch_add(&last, 1) + 1;

	return n ? n : next_number();
}

/*
 * Calls all CPUs to the stop that was asked for.
 *   news  none was before
 */
static void call_all(struct cpu *cpu, bool news)
{
	for_each_cpu (c)
		news |= atomic_exchange(&c->released, false);
	if (news)
		cpu_kick_others(cpu);
}

void pause_begin(struct cpu *cpu)
{
	call_all(cpu, !atomic_exchange(&pause_asked, next_number()));
}

uint32_t pause_begin_own(struct cpu *cpu)
{
	uint32_t running = 0, number = next_number();
	bool own = atomic_compare_exchange_strong(&pause_asked, &running, number);

	call_all(cpu, own);
	return own ? number : 0;
}

void pause_end_own(uint32_t number)
{
	if (number && !atomic_load(&died))
		atomic_compare_exchange_strong(&pause_asked, &number, 0);
}

/* pause_for_good() tells of the death before it takes releases back: either it takes this one back, or the death is seen here. */
void pause_release(struct cpu *cpu)
{
	if (atomic_load(&died))
		return;
	atomic_store(&cpu->released, true);
	if (atomic_load(&died) && atomic_exchange(&cpu->released, false))
		cpu_kick(cpu);
}

bool pause_lets_any(void)
{
	for_each_cpu (c)
		if (atomic_load(&c->released))
			return true;
	return false;
}

/* A stop that another CPU asks for meanwhile has another number, and stays: it may be the guest's death. */
bool pause_end(void)
{
	uint32_t number = atomic_load(&pause_asked);

	if (atomic_load(&died))
		return false;
	atomic_compare_exchange_strong(&pause_asked, &number, 0);
	return !atomic_load(&died);
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
	atomic_store(&pause_asked, 0);
}

void pause_for_good(struct cpu *cpu, const struct trap_record *r)
{
	pause_arrive(cpu, r);
	atomic_store(&died, true);
	pause_begin(cpu);
}
