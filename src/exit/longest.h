// SPDX-License-Identifier: MIT
/*
 * How long the guest has to wait for the longest exit of each kind. The start is the exit's entry in the history, so a measurement
 * costs one RDTSC. The short paths of the frequent exits (EXIT_KINDS_FAST) are not measured: an exception that is recorded and not
 * printed, CPUID, a MSR, a VMCALL without memory, a usual store to the APIC. They have no loops, and `make bench` counts them.
 * All other exits are, and so is the work after a handler, to which the end of a watch's step leaves everything, but not a turn of the console that only feeds the UART's FIFO.
 */
#ifndef TRAPLINE_LONGEST_H
#define TRAPLINE_LONGEST_H

#include "cpu/cpu.h"

#define EXIT_KINDS_FAST                                                                                      \
	(1 << EXIT_EXCEPTION | 1 << EXIT_CPUID | 1 << EXIT_RDMSR | 1 << EXIT_WRMSR | 1 << EXIT_XSETBV |      \
		1 << EXIT_VMCALL | 1 << EXIT_STAGE2 | 1 << EXIT_STEP)

/* Notes the ticks since the exit. An exit that has waited for another CPU, a device or an interrupt does not count. */
SLOW_PATH void exit_measure(struct cpu *cpu);

#endif
