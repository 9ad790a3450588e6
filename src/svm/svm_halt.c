// SPDX-License-Identifier: MIT
/*
 * HLT, MWAIT and MWAITX. With interrupts on the guest executes them: a HLT is let through once, and the next exit intercepts it
 * again. With interrupts off only an NMI, an INIT or a reset ends a HLT, and mostly nothing does: kernels die this way, and unused
 * CPUs sleep this way. AMD-V has no timer that returns to Trapline, so the CPU waits here instead of in the
 * guest, and the console gets its turns.
 */
#include "exit/handlers.h"
#include "exit/timed_halt.h"
#include "apic/park.h"
#include "exit/halt.h"
#include "guest/insn.h"
#include "hw/x86.h"
#include "svm/svm_skip.h"

#define MWAIT_INTERRUPT 1 /* ECX: interrupts end it even with IF clear */
#define MWAITX_TIMER    2 /* ECX: a timer in EBX ends it as well */

void svm_watch_halt(struct cpu *cpu)
{
	struct vmcb_control *c = &vmcb_of(cpu)->control;

	vmcb_intercept(c, SVM_EXIT_HLT, true);
	vmcb_intercept(c, SVM_EXIT_MWAIT, true);
}

/*
 * STI blocks interrupts until the next instruction has ended (15.21.5), such as HLT. QEMU 7.2, identified by its lack of nRIP, does
 * not load STI's shadow at VMRUN, so there STI is executed again.
 */
void svm_keep_shadow(struct cpu *cpu)
{
	struct vmcb *v = vmcb_of(cpu);
	struct found_opcode found;

	if (svm_caps.nrips || !v->control.interrupt_shadow)
		return;
	v->save.rip--;
	insn_read(cpu);
	if (insn_find(cpu, &found) == OPCODE_STI)
		v->save.rflags &= ~RFLAGS_IF;
	else
		v->save.rip++;
}

static void let_halt(struct cpu *cpu)
{
	vmcb_intercept(&vmcb_of(cpu)->control, SVM_EXIT_HLT, false);
	svm_set_pending(cpu, SVM_HALTS);
	svm_keep_shadow(cpu);
}

void svm_end_halt(struct cpu *cpu)
{
	struct vmcb_control *c = &vmcb_of(cpu)->control;

	if (svm_of(cpu)->pending & SVM_HALTS)
		vmcb_intercept(c, SVM_EXIT_HLT, true);
	if (svm_of(cpu)->pending & SVM_DELAYS)
		vmcb_intercept(c, SVM_EXIT_MWAIT, true);
	svm_of(cpu)->pending &= ~(SVM_HALTS | SVM_DELAYS);
}

/* A CPU in the handler of another NMI stays there, unless that handler's IRET has been executed. */
static bool nmi_wakes(struct cpu *cpu)
{
	return cpu->nmi_pending && (!cpu->guest_nmi_blocked || svm_of(cpu)->iret.noted);
}

static void sleep(struct cpu *cpu)
{
	timed_halt(cpu, (const _Atomic uint32_t *)&cpu->work, cpu->work);
	svm_open_nmi_window();
	cpu_park_if_asked(cpu);
}

static void halt(struct cpu *cpu)
{
	if (!cpu->number)
		halt_tell(cpu, svm_next_rip(cpu, vmcb_of(cpu)));
	while (!(cpu->work & (CPU_WORK_KICK | CPU_WORK_THAW | CPU_WORK_MC)) && !nmi_wakes(cpu))
		sleep(cpu);
	if (nmi_wakes(cpu) || cpu->work & CPU_WORK_MC)
		exit_skip(cpu);
}

/*
 * A CPU that idles by MWAIT does so for good: until its next INIT it is left alone. The exit has ended its
 * MONITOR, so leaving MWAIT to the guest does not make this one wait.
 */
static void leave_mwait(struct cpu *cpu)
{
	vmcb_intercept(&vmcb_of(cpu)->control, SVM_EXIT_MWAIT, false);
}

/* MWAIT may end spuriously (APM vol. 3, MWAIT): after the timed halt the guest checks for the store itself. */
static void wait_for_store(struct cpu *cpu)
{
	if (!cpu->number || cpu->gpr[TRAP_RCX] & MWAIT_INTERRUPT || !timed_halt_ends()) {
		leave_mwait(cpu);
		return;
	}
	sleep(cpu);
	exit_skip(cpu);
}

/*
 * MWAITX has the intercept and the exit of MWAIT (appendix C). CPUs do not idle with it: Linux and programs use it for a
 * short delay, at any CPL, in a loop that reads the time. One that ends by itself is let through until the next exit, like a HLT.
 */
static bool is_mwaitx(struct cpu *cpu)
{
	struct found_opcode found;

	return insn_find(cpu, &found) == OPCODE_MWAITX;
}

static bool is_delay(struct cpu *cpu, bool wakes)
{
	return is_mwaitx(cpu) && (wakes || cpu->gpr[TRAP_RCX] & MWAITX_TIMER);
}

static void let_delay(struct cpu *cpu)
{
	leave_mwait(cpu);
	svm_set_pending(cpu, SVM_DELAYS);
}

/*
 * With the local APIC off a HLT or a wait may never end, although interrupts are on. The guest is entered at the HLT repeatedly,
 * and the console gets its turns. The event that ends the HLT must find RIP after it: an interrupt, which exits, or
 * an NMI of the guest.
 */
static void poll_halt(struct cpu *cpu)
{
	svm_of(cpu)->polled_halt = vmcb_of(cpu)->save.rip;
	svm_of(cpu)->behind_halt = svm_next_rip(cpu, vmcb_of(cpu));
	vmcb_of(cpu)->control.interrupt_shadow = 0;
	svm_set_pending(cpu, SVM_POLLS_HALT);
	svm_poll(cpu);
}

void svm_end_poll(struct cpu *cpu)
{
	struct vmcb *v = vmcb_of(cpu);
	bool polled = svm_of(cpu)->pending & SVM_POLLS_HALT && v->save.rip == svm_of(cpu)->polled_halt;

	svm_of(cpu)->pending &= ~(SVM_POLLS_HALT | SVM_POLLED);
	if (polled && v->control.exitcode == SVM_EXIT_INTR)
		v->save.rip = svm_of(cpu)->behind_halt;
	else if (polled)
		svm_set_pending(cpu, SVM_POLLED);
}

void svm_leave_poll(struct cpu *cpu)
{
	struct vmcb *v = vmcb_of(cpu);

	if (svm_of(cpu)->pending & (SVM_POLLS_HALT | SVM_POLLED) && v->save.rip == svm_of(cpu)->polled_halt)
		v->save.rip = svm_of(cpu)->behind_halt;
}

/* MWAIT may end spuriously; the guest checks again. */
static void poll(struct cpu *cpu, bool hlt)
{
	if (hlt) {
		poll_halt(cpu);
		return;
	}
	svm_poll(cpu);
	exit_skip(cpu);
}

void svm_halt(struct cpu *cpu)
{
	uint64_t flags = vmcb_of(cpu)->save.rflags & (RFLAGS_IF | RFLAGS_TF);
	bool hlt = cpu->exit.reason == SVM_EXIT_HLT, wakes = flags;

	/* A single step ends a HLT at once; the CPU handles that. */
	if (svm_of(cpu)->watches_waits && (hlt ? flags == RFLAGS_IF : wakes))
		poll(cpu, hlt);
	else if (hlt && wakes)
		let_halt(cpu);
	else if (hlt)
		halt(cpu);
	else if (is_delay(cpu, wakes))
		let_delay(cpu);
	else if (wakes)
		leave_mwait(cpu);
	else
		wait_for_store(cpu);
}
