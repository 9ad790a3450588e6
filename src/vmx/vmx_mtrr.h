/*
 * Memory types of second-level paging from the guest's MTRRs, for a vendor whose second level decides about them. One set of
 * tables for all CPUs, a shadow of the registers for each.
 */
#ifndef TRAPLINE_VMX_MTRR_H
#define TRAPLINE_VMX_MTRR_H

#include "cpu/cpu.h"
#include "mem/mtrr_shadow.h"

/* The tables are to be made from this CPU's registers. */
void vmx_mtrr_init(void);

/* The shadow of a CPU begins with what the firmware has left there. On that CPU. */
void vmx_mtrr_begin(struct mtrr_shadow *s);

/* The type that the tables have for an address; *size as memory_type() has it. */
unsigned vmx_mtrr_type(uint64_t gpa, uint64_t *size);

/* A WRMSR of the guest's on this CPU, whose shadow it is; false: #GP. */
bool vmx_mtrr_write(struct cpu *cpu, struct mtrr_shadow *s, uint32_t msr, uint64_t value);

#endif
