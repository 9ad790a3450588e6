/* Breakpoints on I/O, of instructions that are carried out in software. */
#ifndef TRAPLINE_BREAKPOINT_H
#define TRAPLINE_BREAKPOINT_H

#include "cpu/cpu.h"

/* Bits of DR6: which of the guest's breakpoints an access to these ports meets (SDM vol. 3B 18.2.4). */
uint64_t breakpoint_io(const struct cpu *cpu, unsigned port, unsigned size);

#endif
