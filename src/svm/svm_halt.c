/*
 * HLT. With interrupts on it is the guest's: it is let through, once, and the next exit watches for it again. With interrupts
 * off nothing but an NMI, an INIT or a reset ends it, and mostly nothing does: that is how kernels die. AMD-V has no timer
 * that would bring Trapline back, so that the CPU waits here in the guest's place, prints what is left, and on the boot
 * CPU hears the operator.
 */
#include "console/console.h"
#include "cpu/stop.h"
#include "exit/dispatch.h"
#include "exit/halt.h"
#include "exit/insn.h"
#include "svm/svm.h"

#define RFLAGS_TF 0x100ull /* its #DB comes behind the HLT */
#define RFLAGS_IF 0x200ull

static void let_halt(struct cpu *cpu)
{
	vmcb_of(cpu)->control.intercept1 &= ~INTERCEPT1_HLT;
	svm_set_odd(cpu, SVM_HALTS);
}

void svm_end_halt(struct cpu *cpu)
{
	svm_of(cpu)->odd &= ~SVM_HALTS;
	vmcb_of(cpu)->control.intercept1 |= INTERCEPT1_HLT;
}

/* One that is in the handler of another NMI stays there: its IRET, if it has come to that, is behind it. */
static bool nmi_wakes(struct cpu *cpu)
{
	return cpu->nmi_pending && (!cpu->guest_nmi_blocked || svm_of(cpu)->iret.noted);
}

/* Who has nobody to listen to sleeps: an NMI brings what is sent to it. */
static void wait_a_little(struct cpu *cpu)
{
	uint32_t work = cpu->work;

	console_look(cpu);
	if (cpu->work & CPU_WORK_CONSOLE)
		console_serve(cpu);
	else if (console_listens(cpu))
		cpu_pause();
	else
		svm_wait_nmi((const _Atomic uint32_t *)&cpu->work, work);
}

void svm_halt(struct cpu *cpu)
{
	if (vmcb_of(cpu)->save.rflags & (RFLAGS_IF | RFLAGS_TF)) {
		let_halt(cpu);
		return;
	}
	halt_tell(cpu, insn_next(cpu));
	while (!(cpu->work & CPU_WORK_KICK) && !nmi_wakes(cpu)) {
		wait_a_little(cpu);
		svm_open_nmi_window();
		cpu_stop_if_asked(cpu);
	}
	if (nmi_wakes(cpu))
		exit_skip(cpu);
}
