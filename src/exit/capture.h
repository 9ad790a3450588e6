// SPDX-License-Identifier: MIT
/* Starts the capture kernel in the place of a dead guest. */
#ifndef TRAPLINE_CAPTURE_H
#define TRAPLINE_CAPTURE_H

#include "cpu/cpu.h"

/*
 * CPU_WORK_CAPTURE: stops the other CPUs for good, describes the dead guest in the capture area, and gives this CPU the state in which
 * the capture kernel starts at the next entry.
 */
void capture_start(struct cpu *cpu);

#endif
