// SPDX-License-Identifier: MIT
/*
 * NMIs on CPUs without virtual NMIs (APM vol. 2 15.20): after an NMI was injected nothing blocks the next one,
 * so this code does. The blocking ends when the guest's IRET has been executed, not before: a handler
 * on an IST stack would lose its frame. The IRET intercept exits before the instruction. If an NMI waits
 * by then, the guest executes the IRET as a single step with TF, and the #DB of that step stays in Trapline.
 */
#include "hw/asm.h"
#include "hw/reset_state.h"
#include "svm/svm.h"
#include "hw/x86.h"
#include "trace/vector.h"

#define DR6_INVERTED (DR6_BLD | DR6_RTM)

/* The NMI stays pending while GIF is clear (15.17): setting GIF lets the host's handler take it. */
void svm_take_nmi(struct cpu *cpu)
{
	svm_open_nmi_window();
}

static void start_step(struct cpu *cpu)
{
	struct svm_cpu *svm = svm_of(cpu);
	struct vmcb *v = vmcb_of(cpu);

	svm->step.exceptions = v->control.exceptions;
	svm->step.dr6 = v->save.dr6;
	svm->step.own_tf = !(v->save.rflags & RFLAGS_TF);
	v->save.dr6 = RESET_DR6; /* bits that the guest has left in it must not end the step */
	v->save.rflags |= RFLAGS_TF;
	v->control.exceptions |= 1u << VEC_DB;
	svm_set_pending(cpu, SVM_STEP_IRET);
}

/* The NMI came between the exit at the handler's IRET and the IRET itself: the IRET is executed as a step first. */
static bool iret_is_next(struct cpu *cpu)
{
	struct svm_cpu *svm = svm_of(cpu);
	const struct vmcb_save *s = &vmcb_of(cpu)->save;

	if (!svm->iret.noted)
		return cpu->guest_nmi_blocked;
	svm->iret.noted = false;
	if (s->rip == svm->iret.rip && s->rsp == svm->iret.rsp)
		start_step(cpu);
	else
		cpu->guest_nmi_blocked = false;
	return cpu->guest_nmi_blocked;
}

/* If another event is injected at this entry, the NMI waits for the next IRET, which that event's handler has. */
bool svm_inject_nmi(struct cpu *cpu)
{
	struct vmcb *v = vmcb_of(cpu);
	struct event nmi = {.valid = true, .type = TRAP_TYPE_NMI, .vector = VEC_NMI};

	if (v->control.eventinj &
		SVM_EVENT_V) { /* before the step, because the event's frame would have TF */
		vmcb_intercept(&v->control, SVM_EXIT_IRET, true);
		return false;
	}
	if (iret_is_next(cpu))
		return false;
	vmcb_intercept(&v->control, SVM_EXIT_IRET, true);
	svm_leave_poll(cpu);
	svm_inject(cpu, &nmi, 0);
	cpu->guest_nmi_blocked = true;
	return true;
}

static bool stepped(const struct vmcb *v)
{
	return v->control.exitcode == SVM_EXIT_EXCEPTION + VEC_DB &&
	       (v->save.dr6 & DR6_BS || !svm_says_why(v->save.dr6)); /* DR6 is stale: svm_event.c */
}

/* Earlier reasons stay until software clears them (APM vol. 2 13.1.1.3). */
static void give_back_dr6(struct svm_cpu *svm, struct vmcb *v)
{
	v->save.dr6 = (svm->step.dr6 & v->save.dr6 & DR6_INVERTED) |
		      ((svm->step.dr6 | v->save.dr6) & ~DR6_INVERTED);
}

/*
 * The exit after start_step(). After the IRET RFLAGS is the popped value, without Trapline's TF. At an exit before that
 * (an interrupt, or a fault of the IRET itself) TF is cleared, and the IRET is intercepted again.
 */
void svm_end_step(struct cpu *cpu)
{
	struct svm_cpu *svm = svm_of(cpu);
	struct vmcb *v = vmcb_of(cpu);

	svm->pending &= ~SVM_STEP_IRET;
	v->control.exceptions = svm->step.exceptions;
	if (!stepped(v)) {
		give_back_dr6(svm, v);
		vmcb_intercept(&v->control, SVM_EXIT_IRET, true);
		if (svm->step.own_tf)
			v->save.rflags &= ~RFLAGS_TF;
		return;
	}
	cpu->guest_nmi_blocked = false;
	if (!svm->step.own_tf) {
		give_back_dr6(svm, v);
	} else {
		v->save.dr6 = svm->step.dr6;
		v->control.exitcode = SVM_EXIT_IRET; /* all other code sees an IRET that was executed */
	}
}

/* EXIT_IRET: before the instruction, or after it once the step is done. */
void svm_nmi_unblocked(struct cpu *cpu)
{
	struct svm_cpu *svm = svm_of(cpu);
	const struct vmcb_save *s = &vmcb_of(cpu)->save;

	vmcb_intercept(&vmcb_of(cpu)->control, SVM_EXIT_IRET, false);
	if (!cpu->guest_nmi_blocked)
		return;
	if (cpu->nmi_pending) {
		start_step(cpu);
		return;
	}
	svm->iret.noted = true;
	svm->iret.rip = s->rip;
	svm->iret.rsp = s->rsp;
}
