// SPDX-License-Identifier: MIT
#include "guest/step_insn.h"
#include "cpu/cpu.h"

static bool is_prefix(uint8_t b)
{
	return b == 0x26 || b == 0x2e || b == 0x36 || b == 0x3e || b == 0x64 || b == 0x65 || b == 0x66 ||
	       b == 0x67 || b == 0xf2 || b == 0xf3;
}

/* A REX prefix counts only right before the opcode. */
static struct step_insn without_prefixes(const uint8_t *code, unsigned length, unsigned mode)
{
	struct step_insn b = {.opcode = -1};
	unsigned i = 0;

	for (; i < length; i++) {
		bool rex = mode == 64 && (code[i] & 0xf0) == 0x40;

		if (!rex && !is_prefix(code[i]))
			break;
		b.rex = rex ? code[i] : 0;
	}
	if (i >= length || (code[i] == 0x0f && i + 1 >= length))
		return b;
	b.opcode = (int16_t)(code[i] == 0x0f ? 0x0f00 | code[i + 1] : code[i]);
	i += code[i] == 0x0f ? 2 : 1;
	b.modrm = i < length ? code[i] : 0;
	return b;
}

static enum step_kind kind_of(int opcode)
{
	switch (opcode) {
	case OP_PUSHF:
		return STEP_PUSHF;
	case 0x9d:
		return STEP_LOADS_TF;
	case 0xcf:
		return STEP_IRET;
	case 0xcd:
		return STEP_INT;
	case 0xf4:
		return STEP_WAITS;
	case 0x0f21:
	case 0x0f23:
		return STEP_DR;
	case 0x0f30:
		return STEP_WRMSR;
	case 0x0f05:
		return STEP_SYSCALL;
	case 0x0f07:
		return STEP_SYSRET;
	default:
		return STEP_PLAIN;
	}
}

/*
 * After MOV SS and POP SS the CPU holds the single step back for one more instruction (SDM vol. 3A 6.8.3): it is that one's TF
 * which has to be put right.
 */
static bool loads_ss(const struct step_insn *b)
{
	return b->opcode == 0x17 || (b->opcode == 0x8e && (b->modrm >> 3 & 7) == SEG_SS);
}

/* Far CALL, far JMP and IRET can switch tasks, outside of long mode. INT n is not stepped. */
static bool may_switch(const struct step_insn *b)
{
	unsigned reg = b->modrm >> 3 & 7;

	return b->opcode == 0x9a || b->opcode == 0xea || b->opcode == 0xcf ||
	       (b->opcode == 0xff && (reg == 3 || reg == 5));
}

struct step_insn step_insn_of(const uint8_t *code, unsigned length, unsigned mode)
{
	struct step_insn b = without_prefixes(code, length, mode);

	b.kind = (uint8_t)kind_of(b.opcode);
	b.loads_ss = loads_ss(&b);
	b.may_switch = may_switch(&b);
	return b;
}
