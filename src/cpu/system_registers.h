// SPDX-License-Identifier: MIT
/* The debug registers, MSRs and XCR0 of the guest, for a core. */
#ifndef TRAPLINE_SYSTEM_REGISTERS_H
#define TRAPLINE_SYSTEM_REGISTERS_H

#include "cpu/cpu.h"

/* Reads those of the CPU that this runs on. */
void system_registers(struct cpu *cpu, struct core_system_register to[CORE_SYSTEM_MAX]);

#endif
