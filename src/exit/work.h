/* The end of an exit: what other CPUs, devices and the operator wait for (CPU_WORK_...). */
#ifndef TRAPLINE_WORK_H
#define TRAPLINE_WORK_H

#include "cpu/cpu.h"

/* The guest's state is up to date. Off the hot path: most exits find nothing here. */
void exit_after_work(struct cpu *cpu);

/* A machine check that came to the VMM's IDT. True: it is the guest's, which gets it at the end of the exit. */
bool exit_note_machine_check(struct cpu *cpu);

#endif
