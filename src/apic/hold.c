#include "apic/hold.h"
#include "apic/stop.h"

static _Atomic bool wanted;
static _Atomic bool stopped[BOOT_MAX_CPUS];
static struct trap_record where[BOOT_MAX_CPUS];

bool hold_wanted(void)
{
	return atomic_load(&wanted);
}

bool hold_is_stopped(uint32_t n)
{
	return atomic_load(&stopped[n]);
}

void hold_stop(struct cpu *cpu)
{
	if (atomic_exchange(&wanted, true))
		return;
	cpu_kick_others(cpu);
}

void hold_go(void)
{
	atomic_store(&wanted, false);
}

const struct trap_record *hold_where(uint32_t n)
{
	return &where[n];
}

void hold_arrive(const struct cpu *cpu, const struct trap_record *r)
{
	where[cpu->number] = *r;
	atomic_store(&stopped[cpu->number], true);
}

void hold_leave(const struct cpu *cpu)
{
	atomic_store(&stopped[cpu->number], false);
}
