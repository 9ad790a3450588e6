/*
 * The guest, stopped on all CPUs and let go again, by the operator. A stopped CPU waits in the VMM at the end
 * of an exit, serves the console and carries out what is asked of it; an NMI fetches those that are in the
 * guest. Time goes on meanwhile: the TSC and all devices run through it.
 */
#ifndef TRAPLINE_PAUSE_H
#define TRAPLINE_PAUSE_H

#include "cpu/cpu.h"

void pause_begin(struct cpu *cpu);
void pause_end(void);

/* Whether the guest is to be stopped; whether CPU n is. */
bool pause_wanted(void);
bool pause_has(uint32_t n);

/* Where CPU n stands, while it is stopped: its registers, and the code there. */
const struct trap_record *pause_where(uint32_t n);

/* This CPU has stopped there; it goes on. */
void pause_arrive(const struct cpu *cpu, const struct trap_record *r);
void pause_leave(const struct cpu *cpu);

#endif
