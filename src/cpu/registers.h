// SPDX-License-Identifier: MIT
/* The guest's registers of a CPU as a core has them (trace/core_file.h). */
#ifndef TRAPLINE_CPU_REGISTERS_H
#define TRAPLINE_CPU_REGISTERS_H

#include "cpu/cpu.h"

/* Reads those of the CPU that this runs on. */
void cpu_registers(struct cpu *cpu, struct core_registers *r);

#endif
