#include "apic/pause.h"
#include "apic/park.h"

static _Atomic bool wanted;
static _Atomic bool stopped[BOOT_MAX_CPUS];
static struct trap_record where[BOOT_MAX_CPUS];

bool pause_wanted(void)
{
	return atomic_load(&wanted);
}

bool pause_has(uint32_t n)
{
	return atomic_load(&stopped[n]);
}

void pause_begin(struct cpu *cpu)
{
	if (atomic_exchange(&wanted, true))
		return;
	cpu_kick_others(cpu);
}

void pause_end(void)
{
	atomic_store(&wanted, false);
}

const struct trap_record *pause_where(uint32_t n)
{
	return &where[n];
}

void pause_arrive(const struct cpu *cpu, const struct trap_record *r)
{
	where[cpu->number] = *r;
	atomic_store(&stopped[cpu->number], true);
}

void pause_leave(const struct cpu *cpu)
{
	atomic_store(&stopped[cpu->number], false);
}
