// SPDX-License-Identifier: MIT
/*
 * What a debugger has the CPUs do, one by one: run, step, or stay. A step is the hidden one of the watches (exit/watch_access.h) with no page
 * opened. An instruction that exits ends where the exit has carried it out; one that faults ends at the first instruction of the fault's
 * handler.
 */
#ifndef TRAPLINE_RUN_H
#define TRAPLINE_RUN_H

#include "cpu/cpu.h"

/*
 * Before the first step: takes memory for it. Returns false if there is none. The guest is stopped, and the caller holds no lock for which
 * another CPU may wait.
 */
bool run_prepare(struct cpu *cpu);

/* With CPU_WORK_STEP, at the beginning of an exit's work: watch_step_over(), and what the debugger has asked for. */
void run_step_over(struct cpu *cpu);

/* With run.steps, at the end: begins the step. It may be that of before, which a stop or an INIT has dropped. */
void run_ask(struct cpu *cpu);

#endif
