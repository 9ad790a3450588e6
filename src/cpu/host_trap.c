// SPDX-License-Identifier: MIT
#include "cpu/host_trap.h"
#include "cpu/machine_check.h"
#include "hw/x86.h"
#include "trace/vector.h"

extern const char cpu_wait_begin[], cpu_wait_end[]; /* src/cpu/idt.asm */

static const struct host_trap_takers *takers;

void host_trap_init(const struct host_trap_takers *t)
{
	takers = t;
}

/*
 * An access of the VMM to broken memory of the guest is ended like one that faults. If the interrupted instruction did not raise the
 * machine check, its fix-up is not used, because it has done its work or will do so.
 */
static bool give_machine_check(struct trap_frame *frame)
{
	return takers->machine_check(this_cpu()) && (!machine_check_by_instruction() || idt_fix_up(frame));
}

void host_trap(struct trap_frame *frame)
{
	if (frame->vector == VEC_DB) {
		/*
		 * These are not faults of the VMM: Bochs 2.7 raises a guest's single step after the #VMEXIT, and QEMU 7.2 leaves the
		 * guest's instruction breakpoints armed. GS may still be the guest's here.
		 */
		frame->rflags = (frame->rflags & ~RFLAGS_TF) | RFLAGS_RF;
		return;
	}
	/* These events end the halt of cpu_wait(), even if they come before its HLT. */
	if ((frame->vector == VEC_NMI || frame->vector == VEC_SX || frame->vector == VEC_MC) &&
		frame->rip - (uint64_t)cpu_wait_begin < (uint64_t)(cpu_wait_end - cpu_wait_begin))
		frame->rip = (uint64_t)cpu_wait_end;
	if (frame->vector ==
		VEC_SX) { /* AMD-V: an INIT that was redirected (svm_init.c); nothing else raises it */
		takers->init(this_cpu());
		return;
	}
	if (frame->vector != VEC_NMI) {
		if (!(frame->vector == VEC_MC ? give_machine_check(frame) : idt_fix_up(frame)))
			takers->fault(frame);
		return;
	}
	takers->nmi(this_cpu());
}
