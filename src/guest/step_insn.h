// SPDX-License-Identifier: MIT
/* What an instruction does with TF, from a short look at its bytes. Pure. */
#ifndef TRAPLINE_STEP_INSN_H
#define TRAPLINE_STEP_INSN_H

#include <stdbool.h>
#include <stdint.h>

#define OP_PUSHF 0x9c

enum step_kind {
	STEP_PLAIN,
	STEP_PUSHF,    /* pushes TF */
	STEP_LOADS_TF, /* POPF: TF is what it loads */
	STEP_IRET,     /* the same */
	STEP_SYSCALL, /* R11 gets TF. The CPU tests TF after the instruction, so IA32_FMASK must not clear it: the vendor's part */
	STEP_SYSRET, /* TF comes from R11, and is tested after the instruction */
	STEP_DR,     /* MOV of a debug register: the vendor's part, if the step changes DR6 */
	STEP_WRMSR,  /* the vendor's part, if it writes IA32_DEBUGCTL, whose BTF the step hides */
	STEP_INT,    /* INT n: the vendor injects it instead */
	STEP_WAITS   /* HLT, which TF would end. MWAIT ends by itself: the exit has ended its MONITOR */
};

/* An instruction, as far as its step is concerned. */
struct step_insn {
	int16_t opcode; /* without prefixes: of one byte, or 0x0f00 and the second one; -1: none could be read */
	uint8_t rex, modrm;
	uint8_t kind;    /* enum step_kind */
	bool loads_ss;   /* the CPU holds the single step back for one more instruction */
	bool may_switch; /* to another task, outside of long mode */
};

/*
 * Looks at an instruction.
 *   code, length  the bytes at RIP
 *   mode          16, 32 or 64
 */
struct step_insn step_insn_of(const uint8_t *code, unsigned length, unsigned mode);

#endif
