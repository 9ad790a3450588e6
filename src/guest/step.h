// SPDX-License-Identifier: MIT
/*
 * One step of the guest by RFLAGS.TF, which the guest does not see: what an instruction does with TF is put right afterwards. The vendor
 * makes #DB exit, and keeps DR6. All exceptions and INT n exit meanwhile, because their frames would have TF.
 */
#ifndef TRAPLINE_STEP_H
#define TRAPLINE_STEP_H

#include "cpu/cpu.h"
#include "guest/step_insn.h"

struct hidden_step {
	uint8_t kind;    /* enum step_kind */
	uint8_t dr, gpr; /* STEP_DR: the ModRM byte's registers */
	bool writes;     /* STEP_DR: the debug register */
	bool own;        /* Trapline has set TF, not the guest */
	bool holds;      /* Trapline has cleared IF, so that no interrupt comes before the instruction */
	bool ends_if;    /* with holds: the instruction is CLI */
	uint64_t r11;
	bool may_switch;   /* to another task: then TR is another one, and the old TSS has TF */
	uint16_t tr;       /* with may_switch: its selector */
	uint64_t saved_tf; /* with may_switch: guest-physical, of the byte in the TSS */
};

/* What the instruction at RIP does with TF. */
enum step_kind step_kind_of(struct cpu *cpu);

/* Sets TF, unless the instruction waits or is INT n. */
void step_begin(struct cpu *cpu, struct hidden_step *s);

/* Whether the instruction, if it was executed, has given IA32_DEBUGCTL a value that must stay. */
bool step_writes_debugctl(const struct cpu *cpu, const struct hidden_step *s);

/*
 * Removes TF.
 *   done       whether the instruction was executed; otherwise it exits or runs again
 *   masks_tf   STEP_SYSCALL: IA32_FMASK has TF
 * Returns whether the guest itself gets the #DB of the step.
 */
bool step_end(struct cpu *cpu, struct hidden_step *s, bool done, bool masks_tf);

#endif
