// SPDX-License-Identifier: MIT
/* Moves the guest past an instruction that was carried out in software. */
#include "guest/insn.h"
#include "hw/x86.h"
#include "vmx/vmx_skip.h"

/* The CPU reports the length of an instruction that exits by itself, but not of one that raised #UD (28.2.5): VMMCALL. */
static uint64_t exit_length(const struct cpu *cpu)
{
	return cpu->exit.kind == EXIT_EXCEPTION ? LENGTH_VMMCALL : vmread(VMCS_EXIT_LENGTH);
}

/* RIP wraps at 4 GiB, except in 64-bit code. */
SLOW_PATH static uint64_t cut(const struct cpu *cpu, uint64_t rip)
{
	return vmx_code_mode(cpu) == 64 ? rip : (uint32_t)rip;
}

/*
 * Makes the single step for TF pending, as after an instruction that the CPU executes (SDM vol.
 * 3B 18.3.1.4).
 */
static void step(struct cpu *cpu)
{
	if (vmread(VMCS_GUEST_DEBUGCTL) & DEBUGCTL_BTF)
		return; /* with BTF only branches are stepped, and no instruction that is carried out here is one */
	vmwrite(VMCS_GUEST_PENDING_DEBUG, vmread(VMCS_GUEST_PENDING_DEBUG) | DR6_BS);
	vmx_of(cpu)->stepped = true;
}

void vmx_end_shadow(struct cpu *cpu)
{
	(void)cpu;
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY,
		vmread(VMCS_GUEST_INTERRUPTIBILITY) & ~(uint64_t)(BLOCKING_STI | BLOCKING_MOV_SS));
}

void vmx_end_instruction(struct cpu *cpu, uint64_t rflags)
{
	vmx_set_rflags(cpu, rflags & ~RFLAGS_RF);
	if (rflags & RFLAGS_TF)
		step(cpu);
}

uint64_t vmx_find_next(struct cpu *cpu)
{
	return cut(cpu, vmx_of(cpu)->rip + exit_length(cpu));
}

/* Bit 12 means that an enabled breakpoint matched (SDM vol. 3C table 25-4). Breakpoints and a single step trap together. */
SLOW_PATH static void add_met(struct cpu *cpu, uint64_t met)
{
	vmwrite(VMCS_GUEST_PENDING_DEBUG, vmread(VMCS_GUEST_PENDING_DEBUG) | PENDING_BP | met);
	vmx_of(cpu)->stepped = true;
}

/* Used if the CPU does not report the instruction's length, as with an EPT violation (28.2.5). */
void vmx_skip_on(struct cpu *cpu, unsigned length, uint64_t met)
{
	uint64_t rip = vmx_of(cpu)->rip, next = rip + length;

	if (__builtin_expect((rip ^ next) >> 32, 0))
		next = cut(cpu, next);
	vmx_go_on_at(cpu, vmx_of(cpu), next);
	if (met)
		add_met(cpu, met);
}

static inline bool is_seen(const struct vmx_cpu *vmx, const struct code_seen *seen)
{
	return vmread(VMCS_GUEST_CS_RIGHTS) & RIGHTS_LONG && vmread(VMCS_GUEST_EFER) & EFER_LMA &&
	       code_seen_holds(seen, vmread(VMCS_GUEST_CR3), vmread(VMCS_GUEST_CR4), vmx->rip);
}

bool vmx_skip_seen(struct cpu *cpu, const struct code_seen *seen, unsigned length)
{
	struct vmx_cpu *vmx = vmx_of(cpu);

	if (!is_seen(vmx, seen))
		return false;
	if (length)
		vmx_go_on_at(cpu, vmx, vmx->rip + length);
	return true;
}
