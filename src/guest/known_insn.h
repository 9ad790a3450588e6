// SPDX-License-Identifier: MIT
/*
 * What the step over a watched access has to know of an instruction. It depends on the instruction's bytes and the mode alone, so each CPU
 * keeps those that it has seen last: code that accesses a watched page does so again.
 */
#ifndef TRAPLINE_KNOWN_INSN_H
#define TRAPLINE_KNOWN_INSN_H

#include "cpu/cpu.h"
#include "guest/access.h"
#include "guest/step_insn.h"

#define KNOWN_INSNS 16

struct known_insn {
	uint64_t code[2]; /* TRAP_CODE_MAX bytes */
	uint32_t form;    /* how many of them could be read, and the mode; 0: none is known */
	struct access access;
	struct step_insn step;
};

/* The instruction at RIP. cpu->known has room for KNOWN_INSNS. Valid until the next call. */
const struct known_insn *insn_known(struct cpu *cpu);

#endif
