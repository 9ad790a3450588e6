#include "apic/hold.h"
#include "log/turn.h"
#include "hw/asm.h"
#include "apic/stop.h"
#include "cpu/moment.h"
#include "apic/flush.h"
#include "exit/freeze.h"
#include "guest/insn.h"
#include "exit/intercept.h"

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

void hold_serve(struct cpu *cpu)
{
	if (!hold_wanted())
		return;
	insn_record(cpu, &where[cpu->number]);
	atomic_store(&stopped[cpu->number], true);
	while (hold_wanted()) {
		cpu_stop_if_asked(cpu);
		intercept_serve(cpu);
		freeze_serve(cpu);
		flush_serve(cpu);
		console_serve(cpu);
		moment();
	}
	atomic_store(&stopped[cpu->number], false);
}
