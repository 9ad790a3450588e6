// SPDX-License-Identifier: MIT
/*
 * The step over an access to a watched page (exit/watch_access.h): one instruction with TF, whose #DB stays in Trapline. If an event is
 * injected, its delivery is the step: TF would be in its frame, so instead nothing can be fetched on the CPU's own tables, and the first
 * fetch of the event's handler exits.
 *
 * QEMU 7.2, identified by its lack of nRIP, does not load the shadow of a STI at VMRUN, so an interrupt may come right after a STI whose next
 * instruction is stepped. Its single step reports the data breakpoint that matched last, however long ago; one that matches exits before
 * the single step.
 */
#include "hw/asm.h"
#include "hw/reset_state.h"
#include "hw/x86.h"
#include "exit/watch_access.h"
#include "stage2/private.h"
#include "svm/svm.h"
#include "guest/insn.h"
#include "trace/vector.h"

#define STEP_SETS (DR6_BS | DR6_BREAKPOINTS)

/* The ASID is the shared tables', so what the CPU has cached of those must go as well. */
static void use_tables(struct cpu *cpu, bool own)
{
	const struct stage2_private *p = cpu->private_tables;

	vmcb_of(cpu)->control.n_cr3 = own ? svm_own_nested_root(p) : svm_nested_root();
	svm_stage2_flush(cpu);
}

/* A HLT with interrupts on waits here for one, which exits; with interrupts off it exits before it waits: svm_halt.c. */
static void let_wait(struct cpu *cpu, struct vmcb *v)
{
	vmcb_intercept(&v->control, SVM_EXIT_HLT, !(v->save.rflags & RFLAGS_IF));
	svm_keep_shadow(cpu);
}

static void step_instruction(struct cpu *cpu)
{
	struct svm_cpu *svm = svm_of(cpu);
	struct vmcb *v = vmcb_of(cpu);

	step_begin(cpu, &svm->watched.hidden);
	svm->watched.sfmask = v->save.sfmask;
	svm->watched.dr6 = v->save.dr6;
	if (svm->watched.hidden.kind != STEP_DR)
		v->save.dr6 = RESET_DR6;
	svm->watched.debugctl = svm_stop_btf();
	__builtin_memcpy(svm->watched.intercepts, v->control.intercepts, sizeof(svm->watched.intercepts));
	svm->watched.configured = false;
	v->control.exceptions = INTERCEPT_EXCEPTIONS;
	if (!(svm->pending & SVM_PASSES_INT))
		vmcb_intercept(&v->control, SVM_EXIT_SWINT, true);
	vmcb_intercept(&v->control, SVM_EXIT_ICEBP, true);
	vmcb_intercept(&v->control, SVM_EXIT_IRET, false);
	vmcb_intercept(&v->control, SVM_EXIT_INTR, true);
	if (svm->watched.hidden.kind == STEP_SYSCALL)
		v->save.sfmask &= ~RFLAGS_TF;
	else if (svm->watched.hidden.kind == STEP_WAITS)
		let_wait(cpu, v);
	svm_set_pending(cpu, SVM_STEP_WATCH);
}

void svm_watch_step(struct cpu *cpu, bool on)
{
	bool delivers;

	use_tables(cpu, on);
	if (!on)
		return;
	delivers = vmcb_of(cpu)->control.eventinj & SVM_EVENT_V || cpu->run.admits;
	private_fetch(cpu, !delivers);
	if (!delivers)
		step_instruction(cpu);
}

/* An instruction that was let through is in a watched page: it stays let through for its step. */
bool svm_begins_step(const struct cpu *cpu)
{
	return cpu->private_tables && vmcb_of(cpu)->control.exitcode == SVM_EXIT_NPF;
}

static void restore(struct cpu *cpu)
{
	struct svm_cpu *svm = svm_of(cpu);
	struct vmcb *v = vmcb_of(cpu);

	svm->pending &= ~SVM_STEP_WATCH;
	__builtin_memcpy(v->control.intercepts, svm->watched.intercepts, sizeof(svm->watched.intercepts));
	if (svm->watched.configured)
		svm_set_intercepts(cpu);
	/* Only what the step has changed: the instruction may have written the rest. */
	if (svm->watched.hidden.kind == STEP_SYSCALL)
		v->save.sfmask = svm->watched.sfmask;
	if (!cpu->stepped || !step_writes_debugctl(cpu, &svm->watched.hidden))
		svm_restore_btf(svm->watched.debugctl);
}

/*
 * A MOV may have read or written DR6. What it has written is there, except for bits that the single step has set or cleared: those are in
 * the instruction's register.
 */
static void end_dr(struct cpu *cpu)
{
	const struct hidden_step *s = &svm_of(cpu)->watched.hidden;
	struct vmcb_save *save = &vmcb_of(cpu)->save;

	if (!s->writes || (s->dr != 4 && s->dr != 6)) /* 4 is another name for 6 */
		save->dr6 = svm_of(cpu)->watched.dr6;
	else
		save->dr6 = (save->dr6 & ~STEP_SETS) | (insn_register(cpu, s->gpr) & STEP_SETS);
}

/* DR6 as the guest must see it: earlier reasons stay until software clears them (13.1.1.3). */
static void give_back_dr6(struct cpu *cpu, uint64_t reasons)
{
	uint64_t inverted = DR6_BLD | DR6_RTM, old = svm_of(cpu)->watched.dr6;

	vmcb_of(cpu)->save.dr6 = (old & reasons & inverted) | ((old | reasons) & ~inverted);
}

static bool stepped(const struct vmcb *v)
{
	return v->control.exitcode == SVM_EXIT_EXCEPTION + VEC_DB &&
	       (v->save.dr6 & DR6_BS || !svm_says_why(v->save.dr6)); /* DR6 is stale: svm_event.c */
}

/* The blocking of NMIs ends with the IRET (svm_nmi.c). */
static void note_iret(struct cpu *cpu)
{
	if (svm_of(cpu)->watched.hidden.kind != STEP_IRET)
		return;
	cpu->guest_nmi_blocked = false;
	svm_of(cpu)->iret.noted = false;
	vmcb_intercept(&vmcb_of(cpu)->control, SVM_EXIT_IRET, false);
}

/* QEMU: the data breakpoints whose bytes the instruction has not accessed. */
SLOW_PATH static uint64_t stale(struct cpu *cpu, uint64_t reasons)
{
	uint64_t bits = 0;

	for (unsigned n = 0; n < 4; n++)
		if (reasons >> n & 1 && !watch_step_accesses(cpu, debug_address(n)))
			bits |= 1ull << n;
	return bits;
}

/* The exit after step_instruction(). The guest's breakpoints that the instruction has matched are its own. */
void svm_end_watch_step(struct cpu *cpu)
{
	struct svm_cpu *svm = svm_of(cpu);
	struct vmcb *v = vmcb_of(cpu);
	uint64_t reasons = v->save.dr6;
	bool own;

	cpu->stepped = stepped(v);
	restore(cpu);
	own = step_end(cpu, &svm->watched.hidden, cpu->stepped, svm->watched.sfmask & RFLAGS_TF);
	if (!cpu->stepped) {
		give_back_dr6(cpu, reasons);
		return;
	}
	note_iret(cpu);
	if (!own)
		reasons &= ~DR6_BS;
	if (!svm_caps.nrips && reasons & DR6_BREAKPOINTS)
		reasons &= ~stale(cpu, reasons);
	if (svm->watched.hidden.kind == STEP_DR && !own && !(reasons & DR6_BD)) {
		end_dr(cpu);
		v->control.exitcode = SVM_EXIT_STEPPED;
		return;
	}
	if (own || reasons & (DR6_BREAKPOINTS | DR6_BD | DR6_BT)) {
		give_back_dr6(cpu, reasons);
		return;
	}
	v->save.dr6 = svm->watched.dr6;
	v->control.exitcode = SVM_EXIT_STEPPED;
}
