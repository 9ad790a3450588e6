// SPDX-License-Identifier: MIT
/* CPUID: the CPU's own result, except for the hypervisor leaves and what the vendor hides. */
#include <trapline/abi.h>
#include "hw/asm.h"
#include "hw/features.h"
#include "hw/x86.h"
#include "exit/handlers.h"
#include "exit/quick.h"
#include "vendor.h"

#define LEAF1_ECX_OSXSAVE    (1u << 27)
#define LEAF1_ECX_HYPERVISOR (1u << 31)
#define LEAF7_ECX_OSPKE      (1u << 4)
#define LEAF7_1_EAX_FRED     (1u << 17)

/* The leaves of hypervisors: one with several interfaces has each at a multiple of 0x100. */
#define LEAF_HYPERVISORS      TRAPLINE_CPUID_SIGNATURE
#define LEAF_HYPERVISORS_MASK 0xffff0000u

static void set_bit(uint32_t *word, uint32_t bit, bool on)
{
	*word = on ? *word | bit : *word & ~bit;
}

static struct cpuid signature(uint32_t leaf)
{
	if (leaf == TRAPLINE_CPUID_SIGNATURE)
		return (struct cpuid){TRAPLINE_CPUID_VERSION, TRAPLINE_SIGNATURE_EBX, TRAPLINE_SIGNATURE_ECX,
			TRAPLINE_SIGNATURE_EDX};
	if (leaf == TRAPLINE_CPUID_VERSION)
		return (struct cpuid){.eax = TRAPLINE_ABI_VERSION};
	return (struct cpuid){0};
}

/*
 * The leaves of a hypervisor beneath Trapline are hidden. The guest would make its calls, and Trapline would take
 * them by its own numbers. If Trapline is hidden as well, a CPU without a hypervisor returns its own result.
 */
static struct cpuid of_hypervisors(uint32_t leaf, uint32_t subleaf)
{
	if (boot_info.config.hypervisor)
		return signature(leaf);
	if (features.hypervisor)
		return (struct cpuid){0};
	return cpuid(leaf, subleaf);
}

/* Whether the instructions are enabled: it depends on CR4.KL, which is clear in the host. */
static struct cpuid key_locker(uint32_t subleaf)
{
	uint64_t cr4 = read_cr4();
	struct cpuid r;

	write_cr4(cr4 | CR4_KL);
	r = cpuid(CPUID_KEY_LOCKER, subleaf);
	write_cr4(cr4);
	return r;
}

/*
 * Leaves that depend on CR4 show the guest's CR4, not the host's. Leaf 1 also shows whether
 * there is a hypervisor.
 */
static void adjust(struct cpu *cpu, uint32_t leaf, uint32_t subleaf, struct cpuid *r)
{
	if (leaf == 1) {
		set_bit(&r->ecx, LEAF1_ECX_OSXSAVE, vendor->state.get(cpu, GUEST_CR4) & CR4_OSXSAVE);
		set_bit(&r->ecx, LEAF1_ECX_HYPERVISOR, boot_info.config.hypervisor);
	} else if (leaf == 7 && subleaf == 0) {
		set_bit(&r->ecx, LEAF7_ECX_OSPKE, vendor->state.get(cpu, GUEST_CR4) & CR4_PKE);
	} else if (leaf == 7 && subleaf == 1) {
		r->eax &= ~LEAF7_1_EAX_FRED; /* its events carry more information than Trapline injects */
	} else if (leaf == CPUID_KEY_LOCKER && (vendor->state.get(cpu, GUEST_CR4) & CR4_KL)) {
		*r = key_locker(subleaf);
	}
	if (leaf < TRAPLINE_CPUID_SIGNATURE || leaf >= 0x80000000)
		vendor->exits.hide_cpuid(leaf, subleaf, r);
}

static void answer(struct cpu *cpu, const struct cpuid *r)
{
	cpu->gpr[TRAP_RAX] = r->eax;
	cpu->gpr[TRAP_RBX] = r->ebx;
	cpu->gpr[TRAP_RCX] = r->ecx;
	cpu->gpr[TRAP_RDX] = r->edx;
}

SLOW_PATH static void answer_adjusted(struct cpu *cpu, uint32_t leaf, uint32_t subleaf)
{
	struct cpuid r;

	if ((leaf & LEAF_HYPERVISORS_MASK) == LEAF_HYPERVISORS) {
		r = of_hypervisors(leaf, subleaf);
	} else {
		r = cpuid(leaf, subleaf);
		adjust(cpu, leaf, subleaf, &r);
	}
	answer(cpu, &r);
}

void exit_cpuid(struct cpu *cpu)
{
	uint32_t leaf = (uint32_t)cpu->gpr[TRAP_RAX], subleaf = (uint32_t)cpu->gpr[TRAP_RCX];

	exit_skip(cpu);
	if (cpuid_is_adjusted(leaf))
		answer_adjusted(cpu, leaf, subleaf);
	else
		cpuid_pass(cpu);
}
