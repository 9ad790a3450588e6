// SPDX-License-Identifier: MIT
/* Moves RIP past an instruction that was carried out in software. Inlined, because frequent exits run it. */
#ifndef TRAPLINE_VMX_SKIP_H
#define TRAPLINE_VMX_SKIP_H

#include "hw/x86.h"
#include "vmx/vmx.h"

/*
 * All effects of the instruction's end: the shadow of a STI or MOV SS and RFLAGS.RF end, and a single step traps. The
 * usual case has none of them.
 */
__attribute__((always_inline)) static inline void vmx_go_on_at(
	struct cpu *cpu, struct vmx_cpu *vmx, uint64_t rip)
{
	uint64_t blocking = vmread(VMCS_GUEST_INTERRUPTIBILITY), rflags = vmx->rflags;

	vmwrite(VMCS_GUEST_RIP, vmx->rip = rip);
	if (__builtin_expect(blocking & (BLOCKING_STI | BLOCKING_MOV_SS), 0))
		vmx_end_shadow(cpu);
	if (__builtin_expect(rflags & (RFLAGS_RF | RFLAGS_TF), 0))
		vmx_end_instruction(cpu, rflags);
}

/* RIP wraps at 4 GiB, except in 64-bit code. */
static inline void vmx_skip(struct cpu *cpu, void *state)
{
	struct vmx_cpu *vmx = state;
	uint64_t next = vmx->rip + vmread(VMCS_EXIT_LENGTH);

	if (__builtin_expect(cpu->exit.kind == EXIT_EXCEPTION || (vmx->rip ^ next) >> 32, 0))
		next = vmx_find_next(cpu);
	vmx_go_on_at(cpu, vmx, next);
}

/* The same without any call, for an instruction that exits by itself. False: nothing is done, and vmx_skip() has to do it. */
__attribute__((always_inline)) static inline bool vmx_skips(
	struct vmx_cpu *vmx, uint64_t rip, uint64_t rflags)
{
	uint64_t next = rip + vmread(VMCS_EXIT_LENGTH);

	if ((rip ^ next) >> 32 || rflags & (RFLAGS_RF | RFLAGS_TF) ||
		vmread(VMCS_GUEST_INTERRUPTIBILITY) & (BLOCKING_STI | BLOCKING_MOV_SS))
		return false;
	vmwrite(VMCS_GUEST_RIP, vmx->rip = next);
	return true;
}

#endif
