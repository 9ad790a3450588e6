// SPDX-License-Identifier: MIT
#include "exit/apic_page.h"
#include "exit/apic_base.h"
#include "exit/apic_seen.h"
#include "apic/apic.h"
#include "apic/flush.h"
#include "apic/park.h"
#include "hw/asm.h"
#include "hw/msr.h"

/*
 * The new page is watched before the registers move there. The CPU checks all but the address: if it refuses the value, nothing
 * has moved. No other CPU runs meanwhile, because a large leaf may be split.
 */
static enum msr_result move_base(struct cpu *cpu, uint64_t value)
{
	uint64_t old = apic_page(cpu->number);
	bool followed, done;

	flush_hold(cpu);
	apic_seen_forget(cpu);
	followed = apic_follow(cpu->number, value & APIC_BASE_ADDRESS);
	done = followed && wrmsr_safe(MSR_APIC_BASE, value);
	if (followed && !done)
		apic_follow(cpu->number, old);
	flush_release(cpu, followed);
	if (!followed)
		return apic_refuse_base(cpu, value);
	return done ? MSR_DONE : MSR_FAULT;
}

/* While the APIC was off no kick has arrived here, and none was sent to other CPUs. */
static void note_mode(struct cpu *cpu, enum apic_mode was, enum apic_mode is)
{
	if (was == is)
		return;
	if (is == APIC_OFF)
		cpu_end_kick(cpu);
	cpu_add_work(cpu, CPU_WORK_KICK);
	if (was == APIC_OFF)
		cpu_kick_others(cpu);
}

enum msr_result apic_base_wrmsr(struct cpu *cpu, uint64_t value)
{
	enum msr_result result;
	enum apic_mode mode = apic_mode();
	bool was = apic_is_on();

	if ((value & APIC_BASE_ADDRESS) != apic_page(cpu->number))
		result = move_base(cpu, value);
	else
		result = wrmsr_safe(MSR_APIC_BASE, value) ? MSR_DONE : MSR_FAULT;
	if (result == MSR_DONE) {
		apic_note_names(cpu);
		note_mode(cpu, mode, apic_mode());
		cpu_add_work(cpu, CPU_WORK_CONSOLE);
		apic_note_switch(cpu, was, apic_is_on(), "IA32_APIC_BASE");
	}
	return result;
}
