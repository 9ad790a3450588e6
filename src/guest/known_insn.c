// SPDX-License-Identifier: MIT
#include "guest/known_insn.h"
#include "guest/insn.h"
#include "lib/string.h"

#define LAST_BYTES (~0ull >> 8) /* the sixteenth byte of the buffer is none of the instruction's */

SLOW_PATH static void learn(
	struct known_insn *k, const struct exit *x, unsigned mode, const uint64_t code[2], uint32_t form)
{
	k->code[0] = code[0];
	k->code[1] = code[1];
	k->form = form;
	k->access = access_of(x->code, x->code_len, mode);
	k->step = step_insn_of(x->code, x->code_len, mode);
}

const struct known_insn *insn_known(struct cpu *cpu)
{
	unsigned mode = (unsigned)vendor->state.get(cpu, GUEST_CODE_MODE);
	struct known_insn *k;
	uint64_t code[2];
	uint32_t form;

	insn_fetch(cpu);
	form = mode << 8 | cpu->exit.code_len;
	__builtin_memcpy(code, cpu->exit.code, sizeof(code));
	code[1] &= LAST_BYTES;
	k = &cpu->known[(code[0] ^ code[0] >> 16 ^ code[0] >> 32) % KNOWN_INSNS];
	if (k->code[0] != code[0] || k->code[1] != code[1] || k->form != form)
		learn(k, &cpu->exit, mode, code, form);
	return k;
}
