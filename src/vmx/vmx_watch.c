// SPDX-License-Identifier: MIT
/* Which exits are requested: external interrupts, windows, and the preemption timer for a guest without other exits. */
#include "vmx/vmx.h"
#include "hw/x86.h"
#include "log/turn.h"
#include "exit/halt.h"

#define MISC_TIMER_RATE(misc) ((misc)&31) /* the timer counts the TSC shifted by this */
#define TIMER_IDLE_MS         50
#define TIMER_BUSY_MS         1 /* a FIFO of 16 bytes takes 1.4 ms */

void vmx_exit_on_interrupts(struct cpu *cpu, bool on)
{
	struct vmx_cpu *vmx = vmx_of(cpu);
	uint32_t pin = on ? vmx->pin | PIN_INTERRUPT_EXITING : vmx->pin & ~(uint32_t)PIN_INTERRUPT_EXITING;

	if (pin != vmx->pin)
		vmwrite(VMCS_PIN_CONTROLS, vmx->pin = pin);
}

/*
 * The host's NMI handler may change the word at any point (WATCH_ENTRY), so this writes until the VMCS has the newest
 * value.
 */
void vmx_set_control(struct cpu *cpu, uint32_t control, bool on)
{
	_Atomic uint32_t *word = &vmx_of(cpu)->controls;
	uint32_t v = on ? atomic_fetch_or(word, control) : atomic_fetch_and(word, ~control);

	if (!(v & control) == !on)
		return;
	do
		vmwrite(VMCS_CPU_CONTROLS, v = atomic_load(word));
	while (v != atomic_load(word));
}

/*
 * On the boot CPU a guest that neither exits nor takes interrupts (CLI, JMP to itself) exits when the preemption timer expires.
 * The timer counts only the guest's time (26.5.1). It is short while there is something to print or to carry out, and longer
 * while the console only waits for keys. The timer cannot be turned off alone; its maximum is practically never.
 */
void vmx_set_timer(struct cpu *cpu)
{
	uint64_t ms = cpu->work & CPU_WORK_CONSOLE ? TIMER_BUSY_MS : TIMER_IDLE_MS, ticks = UINT32_MAX;

	if (!(vmx_caps.controls.pin & PIN_PREEMPTION_TIMER))
		return;
	if (vmx_of(cpu)->watching && !cpu->number &&
		boot_info.tsc_khz * ms >> MISC_TIMER_RATE(vmx_caps.misc) < ticks)
		ticks = boot_info.tsc_khz * ms >> MISC_TIMER_RATE(vmx_caps.misc);
	vmwrite(VMCS_PREEMPTION_TIMER, ticks);
}

void vmx_timer(struct cpu *cpu)
{
	vmx_set_timer(cpu);
	if (vmread(VMCS_GUEST_ACTIVITY) == ACTIVITY_HLT && !(vmx_of(cpu)->rflags & RFLAGS_IF))
		halt_tell(cpu, vmread(VMCS_GUEST_RIP));
	turn_poll(cpu);
}

void vmx_exit_interrupts(struct cpu *cpu, bool always)
{
	vmx_exit_on_interrupts(
		cpu, always || (vmx_of(cpu)->watching && !(vmx_of(cpu)->controls & CPU_INTERRUPT_WINDOW)));
}

static void watch_interrupts(struct cpu *cpu, bool on)
{
	struct vmx_cpu *vmx = vmx_of(cpu);

	vmx->watching = on;
	if (!on)
		vmx_set_control(cpu, CPU_INTERRUPT_WINDOW, false);
	vmx_exit_on_interrupts(cpu, on && !(vmx->controls & CPU_INTERRUPT_WINDOW));
	vmx_set_timer(cpu);
}

/* Waiting loops need no watch where the timer exits. The NMI window exits at once, unless NMIs are blocked. */
void vmx_watch(struct cpu *cpu, enum watched what, bool on)
{
	if (what == WATCH_STEP) /* the most frequent one */
		vmx_watch_step(cpu, on);
	else if (what == WATCH_INTERRUPTS)
		watch_interrupts(cpu, on);
	else if (what == WATCH_CONFIGURED)
		vmx_set_intercepts(cpu);
	else if (what == WATCH_REGISTERS)
		vmx_watch_msrs();
	else if (what == WATCH_TABLES)
		vmx_watch_tables(on);
	else if (what == WATCH_ENTRY)
		vmx_set_control(cpu, CPU_NMI_WINDOW, on);
}
