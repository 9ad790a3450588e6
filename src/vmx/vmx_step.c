// SPDX-License-Identifier: MIT
/*
 * The step over an access to a watched page (exit/watch_access.h). With the monitor trap flag the CPU exits after one instruction or after
 * the delivery of an injected event, before anything else happens (SDM vol. 3C 26.5.2). Without it TF steps (guest/step.h), as on AMD-V: an
 * event's delivery then ends with the first fetch, which the CPU's own tables do not let.
 *
 * Every CPU of Intel's with EPT that is known has the flag. Bochs 2.7 does not have it (its models of Ice Lake and Tiger Lake report
 * it, and do nothing), Bochs 3.0 does. Differences of the way by TF: a shadow of STI or MOV SS ends before the step.
 */
#include "guest/insn.h"
#include "hw/asm.h"
#include "hw/msr.h"
#include "hw/x86.h"
#include "stage2/private.h"
#include "vmx/vmx.h"

static void use_tables(struct cpu *cpu, bool own)
{
	uint64_t pointer = own ? vmx_ept_pointer_of(cpu->private_tables->root) : vmx_ept_pointer();

	if (own)
		vmx_flush_ept(pointer);
	vmwrite(VMCS_EPT_POINTER, pointer);
}

/* INT n does not exit, and its frame would have TF: it is injected instead, and its delivery is the step. */
static void inject_int(struct cpu *cpu)
{
	struct found_opcode found;

	if (insn_find(cpu, &found) != OPCODE_INT)
		return;
	vmwrite(VMCS_ENTRY_LENGTH, found.length);
	vmwrite(VMCS_ENTRY_EVENT, EVENT_VALID | TRAP_TYPE_SOFTINT << 8 | found.byte);
	vmx_of(cpu)->event_set = true;
}

static void set_mask(const struct vmx_step *s, bool masks_tf)
{
	if (s->hidden.kind == STEP_SYSCALL && s->masks_tf)
		wrmsr(MSR_FMASK, masks_tf ? rdmsr(MSR_FMASK) | RFLAGS_TF : rdmsr(MSR_FMASK) & ~RFLAGS_TF);
}

static void begin_tf(struct cpu *cpu)
{
	struct vmx_step *s = &vmx_of(cpu)->step;

	if (!vmx_of(cpu)->event_set && step_kind_of(cpu) == STEP_INT)
		inject_int(cpu);
	private_fetch(cpu, !vmx_of(cpu)->event_set);
	if (vmx_of(cpu)->event_set)
		return;
	step_begin(cpu, &s->hidden);
	s->on = true;
	s->debugctl = vmread(VMCS_GUEST_DEBUGCTL);
	s->masks_tf = s->hidden.kind == STEP_SYSCALL && rdmsr(MSR_FMASK) & RFLAGS_TF;
	set_mask(s, false);
	vmwrite(VMCS_GUEST_DEBUGCTL, s->debugctl & ~DEBUGCTL_BTF);
	s->exceptions = (uint32_t)vmread(VMCS_EXCEPTION_BITMAP);
	s->configured = false;
	vmwrite(VMCS_EXCEPTION_BITMAP, ~0u);
	if (s->hidden.kind != STEP_WAITS)
		vmx_end_shadow(cpu);
}

/* Bochs 2.7 makes BS pending at every exit with TF, and vmx_skip() does when an instruction was carried out. */
static void drop_pending_step(struct cpu *cpu)
{
	vmwrite(VMCS_GUEST_PENDING_DEBUG, vmread(VMCS_GUEST_PENDING_DEBUG) & ~DR6_BS);
	vmx_of(cpu)->stepped = false;
}

/* The instruction may have written IA32_DEBUGCTL, by itself or by an exit that carried it out. */
static void give_back_btf(struct cpu *cpu, bool done)
{
	const struct vmx_step *s = &vmx_of(cpu)->step;

	if (vmread(VMCS_GUEST_DEBUGCTL) == (s->debugctl & ~DEBUGCTL_BTF) &&
		!(done && step_writes_debugctl(cpu, &s->hidden)))
		vmwrite(VMCS_GUEST_DEBUGCTL, s->debugctl);
}

/* Returns whether the guest itself gets a #DB. */
static bool end_tf(struct cpu *cpu, bool done)
{
	struct vmx_step *s = &vmx_of(cpu)->step;
	bool own;

	if (!s->on)
		return true;
	s->on = false;
	set_mask(s, true);
	give_back_btf(cpu, done);
	vmwrite(VMCS_EXCEPTION_BITMAP, s->exceptions);
	if (s->configured)
		vmx_set_intercepts(cpu);
	own = step_end(cpu, &s->hidden, done, s->masks_tf);
	if (!own)
		drop_pending_step(cpu);
	return own;
}

/*
 * An interrupt goes to its handler before the instruction, so it exits. With interrupts off, or in the shadow of STI or MOV SS, the CPU
 * holds it back until the step is over. A HLT under TF waits for an interrupt, after its shadow has ended.
 */
static bool may_be_interrupted(struct cpu *cpu)
{
	const struct vmx_step *s = &vmx_of(cpu)->step;

	if (!(vmx_of(cpu)->rflags & RFLAGS_IF))
		return false;
	return (s->on && s->hidden.kind == STEP_WAITS) ||
	       !(vmread(VMCS_GUEST_INTERRUPTIBILITY) & (BLOCKING_STI | BLOCKING_MOV_SS));
}

/* A step that exits for one more watched page begins anew: what it had hidden is given back first. */
static void step_by_tf(struct cpu *cpu, bool on)
{
	end_tf(cpu, false);
	if (on)
		begin_tf(cpu);
}

/* A step of a debugger is not interrupted: it has the shadow of a STI. With TF that would need a pending #DB (27.3.1.5). */
static void shade(struct cpu *cpu)
{
	uint64_t blocking = vmread(VMCS_GUEST_INTERRUPTIBILITY);

	if (cpu->run.holds && !vmx_of(cpu)->event_set && !(blocking & BLOCKING_MOV_SS) &&
		(vmx_of(cpu)->rflags & (RFLAGS_IF | RFLAGS_TF)) == RFLAGS_IF &&
		vmread(VMCS_GUEST_ACTIVITY) != ACTIVITY_HLT && step_kind_of(cpu) != STEP_WAITS)
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, blocking | BLOCKING_STI);
}

void vmx_watch_step(struct cpu *cpu, bool on)
{
	use_tables(cpu, on);
	if (vmx_caps.has_trap_flag) {
		vmx_set_control(cpu, CPU_MONITOR_TRAP_FLAG, on);
		if (on)
			shade(cpu);
	} else {
		step_by_tf(cpu, on);
	}
	vmx_exit_interrupts(cpu, on && may_be_interrupted(cpu));
}

/* A #DB during a step by TF. Returns the reasons that are the guest's. */
uint64_t vmx_stepped(struct cpu *cpu, uint64_t why)
{
	if (!vmx_of(cpu)->step.on || cpu->exit.event.type == TRAP_TYPE_ICEBP)
		return why;
	cpu->stepped = why & DR6_BS;
	if (!end_tf(cpu, cpu->stepped))
		why &= ~DR6_BS;
	if (!(why & (DR6_BS | DR6_BREAKPOINTS | DR6_BD)))
		cpu->exit.kind = EXIT_STEP;
	return why;
}
