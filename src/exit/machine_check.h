/*
 * Machine checks that come while the VMM runs on a CPU: on VT-x at any point, on AMD-V where it waits (cpu/moment.h). On servers one
 * CPU's error is told to all of them, and each one's handler waits for the others': the guest's is to have it.
 */
#ifndef TRAPLINE_MACHINE_CHECK_H
#define TRAPLINE_MACHINE_CHECK_H

#include "cpu/cpu.h"

/* In the handler of #MC. False: the VMM cannot go on, or the guest would not have it. */
bool machine_check_note(struct cpu *cpu);

/* The end of an exit, with CPU_WORK_MC: the guest gets it, or, where another event goes in, at the next exit. */
void machine_check_pass(struct cpu *cpu);

#endif
