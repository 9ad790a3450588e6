/*
 * Stops the guest on all CPUs for the operator, and lets it run again. A stopped CPU waits in the VMM at the end
 * of an exit, serves the console and carries out commands. CPUs that run the
 * guest get an NMI. Time continues meanwhile: the TSC counts and all devices run.
 */
#ifndef TRAPLINE_PAUSE_H
#define TRAPLINE_PAUSE_H

#include "cpu/cpu.h"

void pause_begin(struct cpu *cpu);
void pause_end(void);

/* Whether the guest has to stop; whether CPU n has stopped. */
bool pause_wanted(void);
bool pause_has(uint32_t n);

/* The state of CPU n while it is stopped: its registers, and the code at RIP. */
const struct trap_record *pause_where(uint32_t n);

/* This CPU has stopped in this state; it runs again. */
void pause_arrive(const struct cpu *cpu, const struct trap_record *r);
void pause_leave(const struct cpu *cpu);

#endif
