// SPDX-License-Identifier: MIT
/*
 * A VM entry that was refused (SDM vol. 3C 27.8): the guest is unchanged and did not run. If the CPU has let the guest reach
 * a state that cannot be entered, it is corrected, once. Everything else is a bug of Trapline's, and ends in a report.
 */
#include "log/log.h"
#include "log/turn.h"
#include "report/fault.h"
#include "hw/asm.h"
#include "apic/park.h"
#include "exit/mended.h"
#include "exit/work.h"
#include "vmx/vmx.h"
#include "hw/features.h"
#include "vmx/vmx_check.h"

static uint64_t read_field(uint32_t field)
{
	return vmread(field);
}

static void say_failed(uint32_t field, const struct vmx_check_row *row)
{
	log_print("  %s=0x%lx %s", vmx_field_name(field), vmread(field), row->why);
}

static void say_nothing(uint32_t field, const struct vmx_check_row *row)
{
}

static void leave(uint32_t field, uint64_t value, const struct vmx_check_row *row)
{
}

static void mend(uint32_t field, uint64_t value, const struct vmx_check_row *row)
{
	mended_note(this_cpu(), vmx_field_name(field), vmread(field), row->why);
	vmwrite(field, value);
}

static struct vmx_check checks(void)
{
	return (struct vmx_check){
		.read = read_field,
		.fail = say_failed,
		.cr0_fixed0 = vmx_caps.cr0_fixed0,
		.cr0_fixed1 = vmx_caps.cr0_fixed1,
		.cr4_fixed0 = vmx_caps.cr4_fixed0,
		.cr4_fixed1 = vmx_caps.cr4_fixed1,
		.physical_bits = features.physical_bits,
		.lam = features.lam,
		.linear_bits = features.linear_bits,
	};
}

/* Two refused entries without an exit between them have the same place in the history. */
static bool is_first(struct cpu *cpu)
{
	bool first = vmx_of(cpu)->refused_at != cpu->history.count;

	vmx_of(cpu)->refused_at = cpu->history.count;
	return first;
}

/* Whether a retry can work: every check that fails has a remedy. */
static bool mend_state(void)
{
	struct vmx_check c = checks();

	c.fail = say_nothing;
	if (!vmx_check_state(&c))
		return false;
	c.mend = leave;
	if (vmx_check_state(&c))
		return false;
	c.mend = mend;
	vmx_check_state(&c);
	c.mend = NULL;
	return !vmx_check_state(&c);
}

__attribute__((noreturn)) static void die(struct cpu *cpu, uint64_t detail)
{
	const struct vmx_check c = checks();

	cpus_park(); /* before the console is seized, because no other CPU may print then */
	log_seize();
	turn_finish();
	log_print("trapline: VM entry failed cpu=%u: %s, detail %lu", cpu->number,
		vmx_exit_name(cpu->exit.reason), detail);
	if (cpu->exit.reason == VMX_EXIT_INVALID_GUEST_STATE && !vmx_check_state(&c))
		log_print("  every check that Trapline knows passes");
	fault_fatal(cpu, "the CPU refused the guest's state");
}

/* A machine check during the entry (27.9) does not use the IDT: the guest's waits for the exit that WATCH_ENTRY requests. */
static bool can_go_on(struct cpu *cpu)
{
	if (cpu->exit.reason == VMX_EXIT_MACHINE_CHECK)
		return is_first(cpu) && exit_note_machine_check(cpu);
	return cpu->exit.reason == VMX_EXIT_INVALID_GUEST_STATE && is_first(cpu) && mend_state();
}

/* The VMCS still has the event to inject: 27.8 does not clear its field. */
void vmx_refused(struct cpu *cpu, uint32_t reason)
{
	uint64_t detail = vmread(VMCS_EXIT_QUALIFICATION);

	cpu->exit.reason = reason & EXIT_REASON_BASIC;
	if (can_go_on(cpu))
		vmx_run_on(cpu);
	die(cpu, detail);
}
