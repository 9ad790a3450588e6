// SPDX-License-Identifier: MIT
/*
 * The most frequent instructions that exit, inlined into the vendor's exit code: CPUID of a leaf that is the CPU's own, VMCALL
 * `null` if everybody may call it, and RDMSR of the one register that is the vendor's to answer. Their handlers take all other cases.
 */
#ifndef TRAPLINE_QUICK_H
#define TRAPLINE_QUICK_H

#include <trapline/abi.h>
#include <trapline/services.h>
#include "cpu/cpu.h"
#include "exit/handlers.h"

#define CPUID_KEY_LOCKER 0x19
#define CPUID_COUNTERS   0x23

#define CPUID_ADJUSTED                                                                                       \
	(1ull << 1 | 1ull << 6 | 1ull << 7 | 1ull << 0xd | 1ull << CPUID_KEY_LOCKER | 1ull << CPUID_COUNTERS)

/* Everybody may call service `null`: nothing about the caller matters. Set once, by vmcall_init(). */
extern bool vmcall_null_for_all;

/* Extended leaves that are the CPU's: the highest one, the name and the caches. Each start of a glibc program reads some twenty of them. */
static inline bool cpuid_is_extended_own(uint32_t leaf)
{
	return leaf - 0x80000000 <= 6 && leaf != 0x80000001;
}

/* These leaves, the hypervisors' and most extended ones are adjusted; all others are the CPU's. */
static inline bool cpuid_is_adjusted(uint32_t leaf)
{
	if (leaf < 64)
		return CPUID_ADJUSTED >> leaf & 1;
	return leaf >= TRAPLINE_CPUID_SIGNATURE && !cpuid_is_extended_own(leaf);
}

/* The CPU's own result. CPUID itself clears the upper halves. */
static inline void cpuid_pass(struct cpu *cpu)
{
	uint64_t *g = cpu->gpr;

	__asm__ volatile("cpuid"
			 : "=a"(g[TRAP_RAX]), "=b"(g[TRAP_RBX]), "=c"(g[TRAP_RCX]), "=d"(g[TRAP_RDX])
			 : "a"((uint32_t)g[TRAP_RAX]), "c"((uint32_t)g[TRAP_RCX]));
}

/* VMCALL `null` has neither arguments nor results but RAX. */
static inline bool vmcall_is_null(const struct cpu *cpu)
{
	return cpu->gpr[TRAP_RAX] == TRAPLINE_CALL_null && vmcall_null_for_all;
}

/* Carries the instruction out, or returns false. The vendor skips it afterwards. */
__attribute__((always_inline)) static inline bool exit_quickly(struct cpu *cpu, enum exit_kind kind)
{
	if (kind == EXIT_CPUID) {
		if (cpuid_is_adjusted((uint32_t)cpu->gpr[TRAP_RAX]))
			return false;
		cpuid_pass(cpu);
	} else {
		if (!vmcall_is_null(cpu))
			return false;
		cpu->gpr[TRAP_RAX] = 0; /* vmcall_null() */
	}
	cpu->exit.kind = kind;
	cpu->stats.exits[kind]++;
	return true;
}

/* Whether this RDMSR is of a register that needs no handler. A watch of registers has handlers of its own (exit/watch_msr.h). */
static inline bool exit_may_read_msr(const struct cpu *cpu, uint32_t msr)
{
	return (uint32_t)cpu->gpr[TRAP_RCX] == msr && exit_handlers[EXIT_RDMSR] == exit_rdmsr;
}

static inline void exit_read_msr(struct cpu *cpu, uint64_t value)
{
	cpu->gpr[TRAP_RAX] = (uint32_t)value;
	cpu->gpr[TRAP_RDX] = value >> 32;
	cpu->exit.kind = EXIT_RDMSR;
	cpu->stats.exits[EXIT_RDMSR]++;
}

#endif
