// SPDX-License-Identifier: MIT
/*
 * Events: decodes the VM-exit and IDT-vectoring information, and fills in the VM-entry information (SDM
 * vol. 3C 25.8.3, 25.9.2, 25.9.3, 27.6).
 *
 * Bochs 2.7 differs from the manual. After an NMI exit NMIs stay masked until an IRET, also across VM
 * entries. The pending debug exceptions have BS set on every exit with TF, even if the instruction was not
 * executed. RFLAGS is saved without RF on the exit of a fault. Error codes are valid in real mode
 * as well.
 */
#include "vmx/vmx.h"
#include "hw/x86.h"
#include "log/turn.h"
#include "hw/asm.h"
#include "cpu/host_interrupt.h"
#include "exit/halt.h"
#include "trace/vector.h"

/*
 * All exceptions except #DB, which is fault and trap, the traps #BP and #OF, and the aborts #DF and #MC: SDM vol. 3A table
 * 6-1
 */
#define FAULTS      ~(1u << VEC_DB | 1u << VEC_NMI | 1u << VEC_BP | 1u << VEC_OF | 1u << VEC_DF | 1u << VEC_MC)
#define DB_REASONS  0x600full /* table 28-1: B0 to B3, BD, BS */
#define DB_BUS_LOCK (1ull << 11)
#define DB_RTM      (1ull << 16)

/* Real mode has no error codes, and none may be injected there (27.2.1.3). */
static bool has_error(const struct cpu *cpu, uint32_t word)
{
	return (word & EVENT_ERROR_CODE) && (vmx_mode(cpu)->paging.cr0 & CR0_PE);
}

void vmx_decode_vectoring(struct cpu *cpu, uint32_t word)
{
	struct event *e = &cpu->exit.during;

	e->valid = true;
	e->vector = EVENT_VECTOR(word);
	e->type = EVENT_TYPE(word);
	e->has_error = has_error(cpu, word);
	e->error = e->has_error ? (uint32_t)vmread(VMCS_VECTORING_ERROR_CODE) : 0;
	/*
	 * An event that cannot be injected: its instruction runs again and raises it again. There is no call here, so that the hot
	 * path saves no registers.
	 */
	if (e->vector == VEC_CP && e->type == TRAP_TYPE_EXCEPTION && !vmx_caps.injects_cp)
		e->valid = false;
	else
		cpu_add_work(cpu, CPU_WORK_EVENT);
}

/*
 * 28.3.4: the EPT violation came in an IRET that had already ended the blocking of NMIs. It must be set again when the IRET is
 * retried. If the guest gets a fault, the blocking stays ended (SDM vol. 3A 6.7.1).
 */
void vmx_restore_nmi_blocking(const struct cpu *cpu)
{
	if (!cpu->exit.during.valid)
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, vmread(VMCS_GUEST_INTERRUPTIBILITY) | BLOCKING_NMI);
}

/*
 * An intercepted #DB leaves DR6, DR7 and IA32_DEBUGCTL unchanged (28.1), so Trapline makes the changes of its delivery
 * (SDM vol. 3B 18.2.3, 18.2.4, 18.4). B0 to B3 are set and cleared, the others only set; bus
 * lock and RTM are inverted. INT1 sets nothing in DR6.
 */
static void decode_debug(struct cpu *cpu)
{
	uint64_t why = vmread(VMCS_EXIT_QUALIFICATION), dr7 = vmread(VMCS_GUEST_DR7), debugctl, inverted;

	_Static_assert(CPU_WORK_STEP == DR7_GD, "both are tested at once");
	if (__builtin_expect((dr7 | cpu->work) & DR7_GD, 0)) {
		vmwrite(VMCS_GUEST_DR7, dr7 & ~DR7_GD);
		why = vmx_stepped(cpu, why);
		if (cpu->exit.kind == EXIT_STEP)
			return;
	}
	debugctl = vmread(VMCS_GUEST_DEBUGCTL);
	inverted = why & (DB_BUS_LOCK | DB_RTM);
	if (cpu->exit.event.type != TRAP_TYPE_ICEBP)
		write_dr6(((read_dr6() & ~DR6_BREAKPOINTS) | (why & DB_REASONS)) & ~inverted);
	if (debugctl & (DEBUGCTL_LBR | DEBUGCTL_BTF))
		vmwrite(VMCS_GUEST_DEBUGCTL, debugctl & ~(DEBUGCTL_LBR | DEBUGCTL_BTF));
	cpu->exit.qualifier = read_dr6();
}

/* Decodes an exception or an NMI. Returns the VM-exit interruption information. */
uint64_t vmx_decode_exception(struct cpu *cpu)
{
	uint32_t word = (uint32_t)vmread(VMCS_EXIT_EVENT);
	struct event *e = &cpu->exit.event;

	cpu->exit.reason = VMX_EXIT_EXCEPTION_OR_NMI;
	cpu->exit.kind = EXIT_NMI;
	if (EVENT_TYPE(word) == TRAP_TYPE_NMI)
		return word;
	cpu->exit.kind = EXIT_EXCEPTION;
	*e = (struct event){
		.valid = true,
		.vector = EVENT_VECTOR(word),
		.type = EVENT_TYPE(word),
	};
	if (has_error(cpu, word)) {
		e->has_error = true;
		e->error = (uint32_t)vmread(VMCS_EXIT_ERROR_CODE);
	}
	vmx_decode_during(cpu);
	if (EVENT_VECTOR(word) == VEC_PF)
		cpu->exit.address = vmread(VMCS_EXIT_QUALIFICATION);
	else if (EVENT_VECTOR(word) == VEC_DB)
		decode_debug(cpu);
	else if (EVENT_VECTOR(word) == VEC_MF && !(vmx_of(cpu)->cr0_shadow & CR0_NE))
		cpu->exit.kind = EXIT_X87;
	return word;
}

/*
 * 27.3.1.5 and 27.3.1.6 tie BS of the pending debug exceptions to TF. BS has to be set while a STI or MOV SS
 * shadow or HLT delays the single step. Otherwise it must be clear unless an instruction has just
 * ended.
 */
void vmx_settle_debug(struct cpu *cpu)
{
	uint64_t pending = vmread(VMCS_GUEST_PENDING_DEBUG), wanted = pending & ~DR6_BS;
	bool held = vmread(VMCS_GUEST_INTERRUPTIBILITY) & (BLOCKING_STI | BLOCKING_MOV_SS) ||
		    vmread(VMCS_GUEST_ACTIVITY) == ACTIVITY_HLT;

	if (held && !(vmread(VMCS_GUEST_DEBUGCTL) & DEBUGCTL_BTF))
		wanted |= DR6_BS;
	if (wanted != pending)
		vmwrite(VMCS_GUEST_PENDING_DEBUG, wanted);
}

/* 27.3.1.5: an NMI that is injected again because its delivery exited must not be blocked by its own blocking. */
static void unblock_nmi(void)
{
	uint64_t blocking = vmread(VMCS_GUEST_INTERRUPTIBILITY);

	if (blocking & BLOCKING_NMI)
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, blocking & ~(uint64_t)BLOCKING_NMI);
}

/*
 * The frame of a fault has RF set (SDM vol. 3B 18.3.1.1), so that its handler returns past an instruction
 * breakpoint. An intercepted fault saves RFLAGS with RF (28.3.3), except on Bochs; a fault that Trapline raises
 * has no RF yet.
 */
static void set_rf(struct cpu *cpu)
{
	uint64_t rflags = vmx_of(cpu)->rflags;

	if (!(rflags & RFLAGS_RF))
		vmx_set_rflags(cpu, rflags | RFLAGS_RF);
}

/*
 * The length of a software event comes from its exit, where it was the exception or the event under
 * delivery.
 */
void vmx_inject(struct cpu *cpu, const struct event *e, uint64_t cr2)
{
	uint32_t vector = e->vector, type = e->type, word = EVENT_VALID | type << 8 | vector;

	if (e->has_error) {
		word |= EVENT_ERROR_CODE;
		vmwrite(VMCS_ENTRY_ERROR_CODE, e->error & ERROR_CODE_BITS);
	}
	if (type == TRAP_TYPE_EXCEPTION) {
		if (FAULTS >> vector & 1)
			set_rf(cpu);
		if (vector == VEC_PF)
			cpu->vendor_asm[0] = cr2;
	} else if (type >= TRAP_TYPE_SOFTINT) {
		vmwrite(VMCS_ENTRY_LENGTH, vmread(VMCS_EXIT_LENGTH));
	} else if (type == TRAP_TYPE_NMI) {
		unblock_nmi();
	}
	vmwrite(VMCS_ENTRY_EVENT, word);
	vmx_of(cpu)->event_set = true;
}

static bool can_take_interrupt(struct cpu *cpu)
{
	return (vmx_of(cpu)->rflags & RFLAGS_IF) && !vmx_of(cpu)->event_set &&
	       !(vmread(VMCS_GUEST_INTERRUPTIBILITY) & (BLOCKING_STI | BLOCKING_MOV_SS));
}

/*
 * An external interrupt exits whether or not the guest has IF set (26.2). If the guest cannot take it, it
 * stays with the interrupt controller and causes no more exits until the interrupt window shows that the guest can take it.
 */
void vmx_take_interrupt(struct cpu *cpu)
{
	bool now = can_take_interrupt(cpu);

	cpu->host_interrupt_valid = false;
	vmx_set_control(cpu, CPU_INTERRUPT_WINDOW, !now);
	vmx_exit_on_interrupts(cpu, now && vmx_of(cpu)->watching);
	if (!now)
		return;
	host_interrupt_take(cpu);
}
