/*
 * Memory types of second-level paging from the guest's MTRRs, for a vendor whose second level decides about them. One set of
 * tables for all CPUs, a shadow of the registers for each.
 */
#ifndef TRAPLINE_MTRR_FOLLOW_H
#define TRAPLINE_MTRR_FOLLOW_H

#include "cpu/cpu.h"
#include "mem/mtrr_shadow.h"

/* The tables are to be made from this CPU's registers. */
void mtrr_follow_init(void);

/* The shadow of a CPU begins with what the firmware has left there. On that CPU. */
void mtrr_follow_begin(struct mtrr_shadow *s);

/* The type that the tables have for an address; *size as memory_type() has it. */
unsigned mtrr_follow_type(uint64_t gpa, uint64_t *size);

/* A WRMSR of the guest's on this CPU, whose shadow it is; false: #GP. */
bool mtrr_follow_write(struct cpu *cpu, struct mtrr_shadow *s, uint32_t msr, uint64_t value);

#endif
