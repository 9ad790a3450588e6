// SPDX-License-Identifier: MIT
/* The bytes at the guest's RIP: read at most once an exit, and only if needed. */
#ifndef TRAPLINE_INSN_H
#define TRAPLINE_INSN_H

#include "cpu/cpu.h"
#include "guest/opcode.h"
#include "mem/layout.h"
#include "vendor.h"

/*
 * Reads up to 15 bytes at the current CS:RIP into cpu->exit.code, through the guest's page tables, without ever
 * faulting.
 */
static inline void insn_read(struct cpu *cpu)
{
	cpu->exit.code_len = (uint8_t)vendor->state.fetch(cpu, cpu->exit.code);
}

/* The same, unless this exit has read them already. */
static inline void insn_fetch(struct cpu *cpu)
{
	if (cpu->exit.code_len == EXIT_CODE_UNREAD)
		insn_read(cpu);
}

/*
 * Whether the bytes, three at least, are VMCALL or VMMCALL without a prefix. The other vendor's instruction raises #UD, which
 * Trapline handles as a call. With a prefix it stays a #UD.
 */
static inline bool insn_begins_vmcall(const uint8_t *c)
{
	return c[0] == 0x0f && c[1] == 0x01 && (c[2] == 0xc1 || c[2] == 0xd9);
}

static inline bool insn_is_vmcall(const struct exit *x)
{
	return insn_begins_vmcall(x->code) && x->code_len >= 3;
}

/* Finds the instruction at RIP; OPCODE_NONE if its bytes cannot be read or are not in the list (guest/opcode.h). */
enum opcode insn_find(struct cpu *cpu, struct found_opcode *out);

/*
 * The address `length` bytes after RIP. Outside of 64-bit mode EIP has 32 bits, in 16-bit code too: only branches cut it to
 * 16 (SDM vol. 2A, CALL and JMP).
 */
uint64_t insn_after(struct cpu *cpu, unsigned mode, unsigned length);

/* The linear address of CS:RIP. */
uint64_t insn_address(const struct cpu *cpu);

/*
 * Whether the guest's page tables lead this linear address to the page around a guest-physical one. A fetch is reported at the
 * instruction, at its block of code, or at the page after it if the instruction reaches into that.
 *   physical  out: where they lead it, if anywhere
 */
static inline bool insn_leads_to(struct cpu *cpu, uint64_t linear, uint64_t page, uint64_t *physical)
{
	struct guest_paging paging;

	vendor->state.paging(cpu, &paging);
	return guest_translate(&paging, linear, physical) && *physical / PAGE_SIZE == page / PAGE_SIZE;
}

/*
 * A general register.
 *   gpr  enum trap_gpr: RSP is in the VMCB or VMCS, all others are in cpu->gpr
 */
static inline uint64_t insn_register(const struct cpu *cpu, unsigned gpr)
{
	return gpr == TRAP_RSP ? vendor->state.get(cpu, GUEST_RSP) : cpu->gpr[gpr];
}

/* The same as a source of MOV to a control or debug register: 64 bits in 64-bit mode, otherwise 32. */
static inline uint64_t insn_operand(const struct cpu *cpu, unsigned gpr)
{
	uint64_t value = insn_register(cpu, gpr);

	return vendor->state.get(cpu, GUEST_CODE_MODE) == 64 ? value : (uint32_t)value;
}

/* Fills a record for decode() with the guest's state: its registers, and the code at RIP. */
void insn_record(struct cpu *cpu, struct trap_record *r);

#endif
