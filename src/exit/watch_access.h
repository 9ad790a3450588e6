// SPDX-License-Identifier: MIT
/*
 * An access of the guest to a page from which a watch has taken the right. The CPU gets the right on second-level tables of its own
 * (stage2/private.h) for one step: the instruction, or the delivery of the event that was interrupted. The exit after the step compares
 * the values, tells the hits, and takes the right away again.
 *
 * A step may exit in between: for another watched page, which is opened as well, or for something else, which ends the step. Then the
 * instruction begins anew, and with it the step.
 */
#ifndef TRAPLINE_WATCH_ACCESS_H
#define TRAPLINE_WATCH_ACCESS_H

#include "cpu/cpu.h"

/* Takes memory for the state of each CPU, once. False: there is none. The other CPUs are held. */
bool watch_access_reserve(void);

/* Handles a second-level page fault. False: it is not a watch's. */
bool watch_stage2(struct cpu *cpu);

/* The fault was not a watch's, and has been handled: a step that is under way continues. */
void watch_step_on(struct cpu *cpu);

/* Whether the instruction of the step has a memory operand that may cover the address. Decodes it: takes long. */
bool watch_step_accesses(const struct cpu *cpu, uint64_t linear);

enum watch_step {
	WATCH_STEP_GOES_ON,
	WATCH_STEP_UNDONE, /* the instruction has not ended */
	WATCH_STEP_DONE
};

/* With CPU_WORK_STEP: at the beginning of an exit's work, and at its end, when all events are injected. */
enum watch_step watch_step_over(struct cpu *cpu);
void watch_step_begin(struct cpu *cpu);

/* A step of a debugger: one instruction, or the delivery of an event, for which nothing is opened. */
void watch_step_ask(struct cpu *cpu);

/* Before the guest's state is reset: the instruction that was stepped is no more. Nothing is told. */
void watch_step_drop(struct cpu *cpu);

#endif
