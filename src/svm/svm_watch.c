// SPDX-License-Identifier: MIT
/* Which exits are requested: for the console, for watches, and for a guest that waits in a loop of PAUSEs. */
#include "svm/svm.h"
#include "log/turn.h"
#include "guest/insn.h"

#define NOP          0x90
#define LENGTH_PAUSE 2

void svm_watch_interrupts(struct cpu *cpu, bool on)
{
	struct vmcb_control *c = &vmcb_of(cpu)->control;

	vmcb_intercept(c, SVM_EXIT_INTR, on);
}

/*
 * A kernel that has given up waits with its local APIC off: no interrupt comes, and Linux's loop contains only PAUSE, RDTSC
 * and, on newer CPUs, MWAITX. Without the PAUSE filter every PAUSE then exits.
 */
static void watch_waits(struct cpu *cpu, bool on)
{
	struct vmcb_control *c = &vmcb_of(cpu)->control;

	svm_of(cpu)->watches_waits = on;
	vmcb_intercept(c, SVM_EXIT_PAUSE, on || svm_caps.features & SVM_FEATURE_PAUSE);
}

/* Nothing to do for WATCH_ENTRY: events that come while the global interrupt flag is clear stay pending, and exit after the entry (15.17). */
void svm_watch(struct cpu *cpu, enum watched what, bool on)
{
	if (what == WATCH_STEP) /* the most frequent one */
		svm_watch_step(cpu, on);
	else if (what == WATCH_INTERRUPTS)
		svm_watch_interrupts(cpu, on);
	else if (what == WATCH_WAITS)
		watch_waits(cpu, on);
	else if (what == WATCH_CONFIGURED)
		svm_set_intercepts(cpu);
	else if (what == WATCH_REGISTERS)
		svm_watch_msrs();
	else if (what == WATCH_TABLES)
		svm_watch_tables(cpu, on);
}

void svm_poll(struct cpu *cpu)
{
	turn_poll(cpu);
}

/* PAUSE is F3 90; more prefixes may come before it. */
static uint64_t behind_pause(struct cpu *cpu)
{
	unsigned n = 0;

	if (svm_caps.nrips)
		return vmcb_of(cpu)->control.nrip;
	insn_fetch(cpu);
	while (n + 1 < cpu->exit.code_len && cpu->exit.code[n] != NOP)
		n++;
	return insn_after(cpu, svm_code_mode(cpu), cpu->exit.code_len ? n + 1 : LENGTH_PAUSE);
}

/*
 * A guest that waits for a lock with interrupts off, perhaps for ever, exits after so many PAUSEs (15.14.4). PAUSE is
 * a hint, so skipping it is enough; the next entry counts anew.
 */
void svm_pause(struct cpu *cpu)
{
	turn_poll(cpu);
	svm_skip_to(cpu, behind_pause(cpu));
}
