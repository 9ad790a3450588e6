// SPDX-License-Identifier: MIT
/*
 * Decodes the instructions that write control, debug and table registers, from the bytes at RIP: SDM vol. 2, APM vol. 3. Pure: tested on
 * the host.
 */
#ifndef TRAPLINE_SYSTEM_INSN_H
#define TRAPLINE_SYSTEM_INSN_H

#include <stdbool.h>
#include <stdint.h>

enum system_insn_kind {
	SYSTEM_OTHER, /* none of these, or too few bytes */
	SYSTEM_MOV_TO_CR,
	SYSTEM_CLTS,
	SYSTEM_LMSW,
	SYSTEM_MOV_TO_DR,
	SYSTEM_MOV_FROM_DR,
	SYSTEM_LGDT,
	SYSTEM_LIDT,
	SYSTEM_LLDT,
	SYSTEM_LTR,
	SYSTEM_SGDT,
	SYSTEM_SIDT,
	SYSTEM_SLDT,
	SYSTEM_STR
};

struct system_insn {
	enum system_insn_kind kind;
	uint8_t number; /* of the control or debug register */
	uint8_t gpr;    /* enum trap_gpr: the operand, unless it is memory */
	bool memory;    /* the operand is memory; then the length is not known here */
	bool opsize;    /* there is an operand-size prefix */
	uint8_t length;
};

/*
 * Decodes one instruction.
 *   code, length  the bytes at RIP, 0 to 15 of them
 *   mode          16, 32 or 64
 */
struct system_insn system_insn_find(const uint8_t *code, unsigned length, unsigned mode);

#endif
