// SPDX-License-Identifier: MIT
/*
 * Memory types in second-level paging from the guest's MTRRs, for a vendor whose second level decides them. One set of
 * tables for all CPUs, one shadow of the registers for each.
 */
#ifndef TRAPLINE_VMX_MTRR_H
#define TRAPLINE_VMX_MTRR_H

#include "cpu/cpu.h"
#include "mem/mtrr_shadow.h"

/* Takes this CPU's registers as those for the tables. */
void vmx_mtrr_init(void);

/* Initialises a CPU's shadow with the firmware's values. Call it on that CPU. */
void vmx_mtrr_begin(struct mtrr_shadow *s);

/* The type that the tables have for an address; *size as in memory_type(). */
unsigned vmx_mtrr_type(uint64_t gpa, uint64_t *size);

/* The guest's WRMSR on this CPU, with this CPU's shadow. False: #GP. */
bool vmx_mtrr_write(struct cpu *cpu, struct mtrr_shadow *s, uint32_t msr, uint64_t value);

#endif
