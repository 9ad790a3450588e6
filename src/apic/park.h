/* One CPU reaches another by NMI: to have it look at what it was sent, or to stop it for good. */
#ifndef TRAPLINE_PARK_H
#define TRAPLINE_PARK_H

#include "cpu/cpu.h"

/*
 * Makes another CPU leave the guest and look at its work (CPU_WORK_KICK). Does not wait. One NMI is under way
 * to a CPU at a time, so that each is known for what it is when it arrives.
 */
void cpu_kick(struct cpu *cpu);

/* The same to all but this one. */
void cpu_kick_others(const struct cpu *self);

/* On this CPU, when its APIC has been turned off and others know it (apic_note_names()): no kick is under way any more. */
void cpu_end_kick(struct cpu *cpu);

/*
 * An NMI has arrived on this CPU, in the guest or in the host: a kick, an order to stop, or one of the
 * guest's own. For the host's handler, and for vendors that learn of it in another way.
 */
void cpu_note_nmi(struct cpu *cpu);

/* This CPU does nothing more. */
__attribute__((noreturn)) void cpu_park(void);

/* Whether another CPU has called cpus_park(). */
bool cpu_is_to_park(const struct cpu *cpu);

/* Stops this CPU, if another one has called cpus_park(). Called where this CPU holds no lock. */
void cpu_park_if_asked(struct cpu *cpu);

/*
 * Stops every other CPU for good, and waits 100 ms for them: before a fatal report. Where they stood is
 * kept. A CPU that finds another one already at it stops itself instead.
 */
void cpus_park(void);

/* A line or two for each CPU that cpus_park() has stopped, and one for each that did not answer. */
void cpus_report(void);

#endif
