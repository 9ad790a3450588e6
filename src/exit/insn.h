/* The bytes at the guest's RIP: read once an exit, and only when something needs them. */
#ifndef TRAPLINE_INSN_H
#define TRAPLINE_INSN_H

#include "cpu/cpu.h"
#include "vendor.h"

/* Reads up to 15 bytes at CS:RIP as it stands now into cpu->exit.code, through the guest's page tables,
 * without ever faulting. */
static inline void insn_read(struct cpu *cpu)
{
	cpu->exit.code_len = (uint8_t)vendor->fetch(cpu, cpu->exit.code);
}

/* The same, unless this exit has done it already. */
static inline void insn_fetch(struct cpu *cpu)
{
	if (cpu->exit.code_len == EXIT_CODE_UNREAD)
		insn_read(cpu);
}

/* Whether the bytes are VMCALL or VMMCALL: on the other vendor's CPU that is a #UD. */
static inline bool insn_is_vmcall(const struct exit *x)
{
	const uint8_t *c = x->code;

	return c[0] == 0x0f && c[1] == 0x01 && (c[2] == 0xc1 || c[2] == 0xd9) && x->code_len >= 3;
}

/* The first opcode byte behind the legacy and REX prefixes, and the byte after it; 0 where they cannot be
 * read. */
void insn_opcode(struct cpu *cpu, uint8_t *opcode, uint8_t *operand);

/*
 * The address behind the instruction at RIP: for instructions that were carried out in software, on CPUs that
 * do not report their length. Where the bytes cannot be read or decoded: RIP itself.
 */
uint64_t insn_next(struct cpu *cpu);

/* The address `length` bytes behind RIP, as the guest's mode (64, 32 or 16) wraps it. */
uint64_t insn_after(struct cpu *cpu, unsigned mode, unsigned length);

/* The #DB that TF asks for behind an instruction that was carried out in software (SDM vol. 3B 17.3.1.4). */
void insn_single_step(struct cpu *cpu);

#endif
