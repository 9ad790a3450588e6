// SPDX-License-Identifier: MIT
#include "exit/init_sipi.h"
#include "exit/handlers.h"
#include "apic/apic.h"
#include "exit/timed_halt.h"
#include "hw/asm.h"
#include "apic/park.h"
#include "apic/flush.h"
#include "exit/halt.h"
#include "exit/shutdown.h"
#include "exit/watch_access.h"
#include "exit/watch_control.h"
#include "lib/array.h"
#include "lib/string.h"

#define SVR_RESET       0xff
#define VERSION_LVTS(v) ((v) >> 16 & 0xff) /* number of the last entry */
#define LVT_STEP        0x10

static void change(struct cpu *target, uint32_t low)
{
	uint32_t old = atomic_load(&target->start);

	while (!atomic_compare_exchange_weak(&target->start, &old, start_after(old, low)))
		;
}

void init_sipi_send(struct cpu *cpu, const struct cpu_set *targets, uint32_t low)
{
	for_each_in_set(n, targets)
	{
		change(cpus[n], low);
		if (cpus[n] == cpu)
			cpu_add_work(cpu, CPU_WORK_KICK);
		else
			cpu_kick(cpus[n]);
	}
}

/* Timer, thermal, performance, LINT0, LINT1, error: the version register says how many there are. */
static void mask_lvts(enum apic_mode mode)
{
	unsigned last = VERSION_LVTS(apic_read(mode, APIC_VERSION));
	static const uint16_t offsets[] = {
		APIC_LVT_TIMER, APIC_LVT_LINT0, 0x360, 0x370, 0x340, 0x330, APIC_LVT_CMCI};

	for (unsigned i = 0; i <= last && i < ARRAY_SIZE(offsets); i++)
		apic_write(mode, offsets[i], APIC_LVT_MASKED);
}

/*
 * SDM vol. 3A 11.4.7.3: the state after power-up, except for the identifier. x2APIC has no DFR, and derives its LDR
 * (11.12.5.1).
 */
static void reset_apic(struct cpu *cpu)
{
	enum apic_mode mode = apic_mode();

	if (mode == APIC_OFF)
		return;
	mask_lvts(mode);
	apic_write(mode, APIC_TIMER_COUNT, 0);
	apic_write(mode, APIC_TPR, 0);
	apic_drain(cpu, mode);
	apic_write(mode, APIC_TIMER_DIVIDE, 0);
	if (mode == APIC_XAPIC) {
		apic_write(mode, APIC_LDR, 0);
		apic_write(mode, APIC_DFR, ~0u);
		apic_write(mode, APIC_ICR_HIGH, 0);
	}
	apic_write(mode, APIC_ESR, 0);
	apic_write(mode, APIC_SVR, SVR_RESET);
	apic_note_names(cpu);
}

/*
 * The boot CPU begins at the reset vector at once, and ignores SIPIs (SDM vol. 3A 9.4.2). That ends the guest that
 * ran here. It is reported while the guest's state is unchanged, because no other CPU waits for this one.
 */
static void restart(struct cpu *cpu)
{
	atomic_fetch_and(&cpu->start, START_INIT);
	halt_over(cpu);
	shutdown_report("the boot CPU got an INIT, and begins at the reset vector", SHUTDOWN_RESET);
}

/* Drops events that were pending before the INIT, and the instruction that was being stepped. */
static void forget_events(struct cpu *cpu)
{
	cpu->nmi_pending = false;
	cpu->host_interrupt_valid = false;
	cpu->guest_nmi_blocked = false;
	cpu_end_work(cpu, CPU_WORK_NMI | CPU_WORK_EVENT | CPU_WORK_MC);
	watch_step_drop(cpu);
	watch_tables_drop(cpu);
}

/* SDM vol. 3A table 10-1 and APM vol. 2 table 14-1, the columns of INIT. EDX is the CPU's signature. */
static void reset(struct cpu *cpu, unsigned sipi)
{
	memset(cpu->gpr, 0, sizeof(cpu->gpr));
	cpu->gpr[TRAP_RDX] = cpuid(1, 0).eax;
	clear_debug_addresses();
	reset_apic(cpu);
	vendor->state.reset(cpu, sipi);
	cpu_add_work(cpu, CPU_WORK_RELOAD);
}

static void take_init(struct cpu *cpu)
{
	if (apic_is_bsp())
		restart(cpu);
	forget_events(cpu);
	reset(cpu, NO_SIPI);
}

void init_sipi_restart(struct cpu *cpu, unsigned vector)
{
	atomic_store(&cpu->start, 0);
	cpu->run.steps = false; /* a debugger's order was for the other guest */
	forget_events(cpu);
	reset(cpu, vector);
}

void init_sipi_note_init(struct cpu *cpu)
{
	change(cpu, ICR_MODE_INIT << 8 | ICR_ASSERT);
	cpu_add_work(cpu, CPU_WORK_KICK);
}

/* The only effect of an INIT that other CPUs can see before the SIPI: the CPU no longer has its logical name. */
static void forget_name(void)
{
	enum apic_mode mode = apic_mode();

	if (mode == APIC_XAPIC)
		apic_write(mode, APIC_LDR, 0);
}

/* Waits for the SIPI in the CPU's own state only if a SIPI exits. If the command register is watched, init_sipi_serve() waits. */
bool init_sipi_wait(struct cpu *cpu)
{
	if (apic_is_bsp() || !apic_by_hardware()) {
		init_sipi_note_init(cpu);
		return false;
	}
	forget_name();
	forget_events(cpu);
	atomic_store(&cpu->start, START_WAIT);
	atomic_store(&cpu->waits_for_sipi, true);
	return true;
}

/* Other CPUs did not kick this CPU while it waited, because it takes no NMIs (src/apic/park.c). It checks its work now. */
void exit_sipi(struct cpu *cpu)
{
	atomic_store(&cpu->waits_for_sipi, false);
	atomic_store(&cpu->start, 0);
	reset(cpu, (uint8_t)cpu->exit.qualifier);
	cpu_add_work(cpu, CPU_WORK_KICK);
}

void init_sipi_serve(struct cpu *cpu)
{
	for (;;) {
		uint32_t word;

		/* This comes before reading the word, so that a kick in between is not lost. */
		cpu_end_work(cpu, CPU_WORK_KICK);
		word = atomic_load(&cpu->start);
		cpu_park_if_asked(cpu);
		flush_serve(cpu);
		if (word & START_INIT) {
			atomic_fetch_and(&cpu->start, ~START_INIT);
			take_init(cpu);
		} else if (!(word & START_WAIT)) {
			return;
		} else if (!(word & START_SIPI)) {
			timed_halt(cpu, &cpu->start, word);
		} else if (atomic_compare_exchange_strong(&cpu->start, &word, 0)) {
			vendor->state.reset(cpu, START_VECTOR(word)); /* once more, and from there */
			return;
		}
	}
}
