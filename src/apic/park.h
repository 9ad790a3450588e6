// SPDX-License-Identifier: MIT
/* One CPU reaches another by NMI: to make it read its work, or to stop it for good. */
#ifndef TRAPLINE_PARK_H
#define TRAPLINE_PARK_H

#include "cpu/cpu.h"

/*
 * Makes another CPU leave the guest and handle its work (CPU_WORK_KICK). Does not wait. Only one such NMI is under way
 * to a CPU at a time, so that a kick can be told from the guest's NMIs.
 */
void cpu_kick(struct cpu *cpu);

/* Kicks all CPUs but this one. */
void cpu_kick_others(const struct cpu *self);

/* For this CPU, after its APIC was turned off and the other CPUs have been told (apic_note_names()): ends a kick that is under way. */
void cpu_end_kick(struct cpu *cpu);

/*
 * An NMI has arrived on this CPU, in the guest or in the host: a kick, a request to stop, or the guest's own. The host's handler calls it,
 * and vendors that notice an NMI in another way.
 */
void cpu_note_nmi(struct cpu *cpu);

/* Stops this CPU for good. */
__attribute__((noreturn)) void cpu_park(void);

/* Whether another CPU has called cpus_park(). */
bool cpu_is_to_park(const struct cpu *cpu);

/* Stops this CPU if another CPU has called cpus_park(). This CPU must not hold a lock. */
void cpu_park_if_asked(struct cpu *cpu);

/*
 * Stops every other CPU for good, and waits 100 ms for them: before a fatal report. Their states are
 * stored. If another CPU is already doing this, the caller stops itself instead.
 */
void cpus_park(void);

/* Prints a line or two for each CPU that cpus_park() has stopped, and one for each that did not answer. */
void cpus_report(void);

#endif
