/* A CPU that halts with its interrupts off: mostly the end of a kernel that has died. */
#ifndef TRAPLINE_HALT_H
#define TRAPLINE_HALT_H

#include "cpu/cpu.h"

/*
 * Says so of the boot CPU, and when it is over; the first HALT_REPORTS times. Kernels halt the others that way to take
 * them out of use.
 *   next  where it would go on
 */
#define HALT_REPORTS 16
#define HALT_SECONDS 120 /* what it came from is not older */
void halt_tell(struct cpu *cpu, uint64_t next);
void halt_over(struct cpu *cpu);

/*
 * The boot CPU has turned its local APIC off: tells what that came from, where there is something to tell; HALT_REPORTS times. And
 * that it is on again, where something was told.
 *   how  by which register
 */
void halt_apic_off(struct cpu *cpu, const char *how);
void halt_apic_on(struct cpu *cpu);

#endif
