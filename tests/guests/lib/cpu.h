// SPDX-License-Identifier: MIT
/*
 * The instructions that C has no words for. Most are those of the VMM; its _safe ones are not for guests, which have no fix-up table.
 * Nothing here checks anything: a test that wants a fault gets one.
 */
#ifndef GUEST_CPU_H
#define GUEST_CPU_H

#include "hw/asm.h"
#include "hw/msr.h"

ASM_CONTROL_REGISTER(cr8)
ASM_CONTROL_REGISTER(dr0)
ASM_CONTROL_REGISTER(dr1)
ASM_CONTROL_REGISTER(dr2)
ASM_CONTROL_REGISTER(dr3)

static inline uint64_t read_flags(void)
{
	uint64_t flags;

	__asm__ volatile("pushfq; pop %0" : "=r"(flags) : : "memory");
	return flags;
}

static inline void write_flags(uint64_t flags)
{
	__asm__ volatile("push %0; popfq" : : "r"(flags) : "memory", "cc");
}

#endif
