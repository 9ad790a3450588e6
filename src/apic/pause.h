// SPDX-License-Identifier: MIT
/*
 * Stops the guest on all CPUs for the operator, and lets it run again. A stopped CPU waits in the VMM at the end
 * of an exit, serves the console and carries out commands. CPUs that run the
 * guest get an NMI. Time continues meanwhile: the TSC counts and all devices run.
 */
#ifndef TRAPLINE_PAUSE_H
#define TRAPLINE_PAUSE_H

#include "cpu/cpu.h"

void pause_begin(struct cpu *cpu);

/*
 * A stop of one's own, which ends no other: an exception that is caught or a debugger may ask for one meanwhile. pause_begin_own() returns
 * its number; 0: the guest had to stop already. pause_end_own() lets the guest run if nobody has asked for another stop since.
 */
uint32_t pause_begin_own(struct cpu *cpu);
void pause_end_own(uint32_t number);

/* Lets one CPU run while the others stay, until the next pause_begin(). pause_lets_any(): whether one does. */
void pause_release(struct cpu *cpu);
bool pause_lets_any(void);

/* False: the guest has died, and stays stopped. */
bool pause_end(void);

/* The guest has died on this CPU, in this state. */
void pause_for_good(struct cpu *cpu, const struct trap_record *r);

/* The guest is gone: nothing is stopped any more. */
void pause_over(void);

/* The number of the stop that was asked for last; 0: the guest runs. */
extern _Atomic uint32_t pause_asked;
static inline bool pause_wanted(void)
{
	return atomic_load(&pause_asked) != 0;
}

/* Whether this CPU has to stop. */
static inline bool pause_holds(const struct cpu *cpu)
{
	return pause_wanted() && !atomic_load(&cpu->released);
}

bool pause_has(const struct cpu *cpu);

/* The state of a CPU while it is stopped: its registers, and the code at RIP. */
const struct trap_record *pause_where(const struct cpu *cpu);

/* This CPU has stopped in this state; it runs again. */
void pause_arrive(struct cpu *cpu, const struct trap_record *r);
void pause_leave(struct cpu *cpu);

#endif
