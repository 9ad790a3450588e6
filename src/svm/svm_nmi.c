/*
 * NMIs on CPUs without virtual NMIs (APM vol. 2 15.20): nothing blocks the next one after one was injected,
 * so that the block is kept here. It ends when the guest's IRET has been carried out, not before: a handler
 * on an IST stack would lose its frame. The IRET intercept exits in front of the instruction; if an NMI waits
 * by then, the guest is stepped over it with TF, and the #DB of that step is nobody's but ours.
 */
#include "hw/asm.h"
#include "hw/reset_state.h"
#include "svm/svm.h"
#include "hw/x86.h"
#include "trace/vector.h"

#define DR6_INVERTED (DR6_BLD | DR6_RTM)

/* The NMI stays pending while GIF is clear (15.17): opening it lets the host's handler note it. */
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
	v->save.dr6 = RESET_DR6; /* what the guest has left in it is not to be taken for this step's end */
	v->save.rflags |= RFLAGS_TF;
	v->control.exceptions |= 1u << VEC_DB;
	svm_set_pending(cpu, SVM_STEP_IRET);
}

/* One came between the exit in front of the handler's IRET and the IRET itself: that is stepped over first. */
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

/* Where another event goes in at this entry, the NMI waits for the next IRET: that event's handler has one.
 */
bool svm_inject_nmi(struct cpu *cpu)
{
	struct vmcb *v = vmcb_of(cpu);
	struct event nmi = {.valid = true, .type = TRAP_TYPE_NMI, .vector = VEC_NMI};

	if (v->control.eventinj & SVM_EVENT_V) { /* before the step: its frame would have TF */
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
	       (v->save.dr6 & DR6_BS || !svm_says_why(v->save.dr6)); /* stale: svm_event.c */
}

/* Reasons of before stay until software clears them (APM vol. 2 13.1.1.3). */
static void give_back_dr6(struct svm_cpu *svm, struct vmcb *v)
{
	v->save.dr6 = (svm->step.dr6 & v->save.dr6 & DR6_INVERTED) |
		      ((svm->step.dr6 | v->save.dr6) & ~DR6_INVERTED);
}

/*
 * The exit after start_step(). Behind the IRET RFLAGS is what it popped, ours is gone. An exit before that
 * (an interrupt, a fault of the IRET's own) takes TF back and waits for the IRET anew.
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
		v->control.exitcode = SVM_EXIT_IRET; /* to everybody else this is the IRET, done */
	}
}

/* EXIT_IRET: in front of the instruction, or, after the step, behind it. */
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
