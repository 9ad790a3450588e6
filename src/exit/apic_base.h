// SPDX-License-Identifier: MIT
/* The guest's IA32_APIC_BASE. */
#ifndef TRAPLINE_APIC_BASE_H
#define TRAPLINE_APIC_BASE_H

#include "cpu/cpu.h"
#include "vendor.h"

/* EXIT_WRMSR: the registers may move, and the watch moves with them. */
enum msr_result apic_base_wrmsr(struct cpu *cpu, uint64_t value);

#endif
