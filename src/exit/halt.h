/* A CPU that halts with its interrupts off: mostly the end of a kernel that has died. */
#ifndef TRAPLINE_HALT_H
#define TRAPLINE_HALT_H

#include "cpu/cpu.h"

/*
 * Report that the boot CPU has halted, and that the halt is over: the first HALT_REPORTS times. Other CPUs are not reported,
 * because kernels take them out of use that way.
 *   next  where it would go on
 */
#define HALT_REPORTS 16
#define HALT_SECONDS 120 /* its cause is no older than that */
void halt_tell(struct cpu *cpu, uint64_t next);
void halt_over(struct cpu *cpu);

/*
 * The boot CPU has turned its local APIC off: tells the story of that, where there is one, HALT_REPORTS times at most.
 * halt_apic_on() says that it is on again, where a story was told.
 *   how  by which register
 */
void halt_apic_off(struct cpu *cpu, const char *how);
void halt_apic_on(struct cpu *cpu);

#endif
