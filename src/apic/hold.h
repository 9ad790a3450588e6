/*
 * The guest, stopped on all CPUs and let go again, by the operator. A stopped CPU waits in the VMM at the end
 * of an exit, serves the console and carries out what is asked of it; an NMI fetches those that are in the
 * guest. Time goes on meanwhile: the TSC and all devices run through it.
 */
#ifndef TRAPLINE_HOLD_H
#define TRAPLINE_HOLD_H

#include "cpu/cpu.h"

void hold_stop(struct cpu *cpu);
void hold_go(void);

/* Whether the guest is to be stopped; whether CPU n is. */
bool hold_wanted(void);
bool hold_is_stopped(uint32_t n);

/* Where CPU n stands, while it is stopped: its registers, and the code there. */
const struct trap_record *hold_where(uint32_t n);

/* This CPU has stopped there; it goes on. */
void hold_arrive(const struct cpu *cpu, const struct trap_record *r);
void hold_leave(const struct cpu *cpu);

#endif
