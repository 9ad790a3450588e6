// SPDX-License-Identifier: MIT
#include "guest/system_insn.h"

#define REX_R    4u
#define REX_B    1u
#define ESCAPE   0x0f
#define OPSIZE   0x66
#define LOCK     0xf0
#define REG(m)   ((m) >> 3 & 7)
#define RM(m)    ((m)&7)
#define MOD_REGS 0xc0

static bool is_prefix(uint8_t b)
{
	return b == 0x26 || b == 0x2e || b == 0x36 || b == 0x3e || b == 0x64 || b == 0x65 || b == OPSIZE ||
	       b == 0x67 || b == 0xf2 || b == 0xf3 || b == LOCK;
}

/* 0f 00 and 0f 01: by the reg field. Of the second, a register operand makes other instructions of all but LMSW. */
static enum system_insn_kind of_group(uint8_t opcode, uint8_t modrm)
{
	static const enum system_insn_kind group6[8] = {SYSTEM_SLDT, SYSTEM_STR, SYSTEM_LLDT, SYSTEM_LTR};
	static const enum system_insn_kind group7[8] = {
		SYSTEM_SGDT, SYSTEM_SIDT, SYSTEM_LGDT, SYSTEM_LIDT, SYSTEM_OTHER, SYSTEM_OTHER, SYSTEM_LMSW};

	if (opcode == 0x00)
		return group6[REG(modrm)];
	if (modrm >= MOD_REGS && REG(modrm) != 6)
		return SYSTEM_OTHER;
	return group7[REG(modrm)];
}

static enum system_insn_kind kind_of(uint8_t opcode, uint8_t modrm)
{
	switch (opcode) {
	case 0x00:
	case 0x01:
		return of_group(opcode, modrm);
	case 0x21:
		return SYSTEM_MOV_FROM_DR;
	case 0x22:
		return SYSTEM_MOV_TO_CR;
	case 0x23:
		return SYSTEM_MOV_TO_DR;
	default:
		return SYSTEM_OTHER;
	}
}

struct system_insn system_insn_find(const uint8_t *code, unsigned length, unsigned mode)
{
	struct system_insn i = {.kind = SYSTEM_OTHER};
	unsigned at = 0, rex = 0;
	uint8_t opcode, modrm;

	for (; at < length && is_prefix(code[at]); at++)
		i.opsize |= code[at] == OPSIZE;
	if (mode == 64 && at < length && (code[at] & 0xf0) == 0x40)
		rex = code[at++];
	if (at + 2 > length || code[at] != ESCAPE)
		return i;
	opcode = code[at + 1];
	i.length = (uint8_t)(at + 2);
	if (opcode == 0x06) {
		i.kind = SYSTEM_CLTS;
		return i;
	}
	if (at + 3 > length)
		return i;
	modrm = code[at + 2];
	i.kind = kind_of(opcode, modrm);
	i.length++;
	i.memory = opcode < 0x20 && modrm < MOD_REGS;
	i.number = (uint8_t)(REG(modrm) | (rex & REX_R ? 8 : 0));
	i.gpr = (uint8_t)(RM(modrm) | (rex & REX_B ? 8 : 0));
	return i;
}
