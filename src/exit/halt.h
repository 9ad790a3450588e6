// SPDX-License-Identifier: MIT
/* A CPU that halts with its interrupts off: mostly the end of a kernel that has died. */
#ifndef TRAPLINE_HALT_H
#define TRAPLINE_HALT_H

#include "cpu/cpu.h"

/*
 * halt_tell() reports that the boot CPU has halted, and halt_over() that the halt has ended: the first HALT_REPORTS times. Other CPUs
 * are not reported, because kernels halt them to take them out of use.
 *   next  the address after the HLT
 */
#define HALT_REPORTS 16
#define HALT_SECONDS 120 /* maximum age of its cause */
void halt_tell(struct cpu *cpu, uint64_t next);
void halt_over(struct cpu *cpu);

/*
 * The boot CPU has turned its local APIC off: prints the story, if there is one, HALT_REPORTS times at most.
 * halt_apic_on() reports that it is on again, if there was a story.
 *   how  the register, in words
 */
void halt_apic_off(struct cpu *cpu, const char *how);
void halt_apic_on(struct cpu *cpu);

#endif
