// SPDX-License-Identifier: MIT
/* The end of an exit: work for other CPUs, devices and the operator (CPU_WORK_...). */
#ifndef TRAPLINE_WORK_H
#define TRAPLINE_WORK_H

#include "cpu/cpu.h"

/* Does the work of this exit, with the guest's state up to date. Off the hot path: most exits have none. */
void exit_after_work(struct cpu *cpu);

/* Notes a machine check that came to the VMM's IDT. True: it is the guest's, and is injected at the end of the exit. */
bool exit_note_machine_check(struct cpu *cpu);

#endif
