// SPDX-License-Identifier: MIT
#include "guest/insn.h"
#include "lib/string.h"

enum opcode insn_find(struct cpu *cpu, struct found_opcode *out)
{
	insn_fetch(cpu);
	return opcode_find(
		cpu->exit.code, cpu->exit.code_len, (unsigned)vendor->state.get(cpu, GUEST_CODE_MODE), out);
}

uint64_t insn_after(struct cpu *cpu, unsigned mode, unsigned length)
{
	uint64_t next = vendor->state.get(cpu, GUEST_RIP) + length;

	return mode == 64 ? next : (uint32_t)next;
}

/* CS has no base in 64-bit mode. */
uint64_t insn_address(const struct cpu *cpu)
{
	uint64_t rip = vendor->state.get(cpu, GUEST_RIP);
	struct segment_state cs;

	if (vendor->state.get(cpu, GUEST_CODE_MODE) == 64)
		return rip;
	vendor->state.segment(cpu, SEG_CS, &cs);
	return (uint32_t)(cs.base + rip);
}

void insn_record(struct cpu *cpu, struct trap_record *r)
{
	memset(r, 0, sizeof(*r));
	vendor->state.capture(cpu, r);
	insn_read(cpu);
	r->cpu = (uint16_t)cpu->number;
	r->code_len = cpu->exit.code_len;
	memcpy(r->code, cpu->exit.code, TRAP_CODE_MAX);
}
