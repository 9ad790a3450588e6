#include "guest/insn.h"
#include "lib/string.h"

enum opcode insn_find(struct cpu *cpu, struct found_opcode *out)
{
	insn_fetch(cpu);
	return opcode_find(cpu->exit.code, cpu->exit.code_len, vendor->state.code_mode(cpu), out);
}

uint64_t insn_after(struct cpu *cpu, unsigned mode, unsigned length)
{
	uint64_t next = vendor->state.get(cpu, GUEST_RIP) + length;

	return mode == 64 ? next : (uint32_t)next;
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
