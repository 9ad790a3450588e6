// SPDX-License-Identifier: MIT
/* I/O breakpoints, for instructions that are carried out in software. */
#ifndef TRAPLINE_BREAKPOINT_H
#define TRAPLINE_BREAKPOINT_H

#include "cpu/cpu.h"

/* The guest's breakpoints that an access to these ports matches, as bits of DR6 (SDM vol. 3B 18.2.4). */
uint64_t breakpoint_io(const struct cpu *cpu, unsigned port, unsigned size);

#endif
