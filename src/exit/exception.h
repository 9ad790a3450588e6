// SPDX-License-Identifier: MIT
/* Exceptions: recorded, merged with the event that they interrupted, and injected. */
#ifndef TRAPLINE_EXCEPTION_H
#define TRAPLINE_EXCEPTION_H

#include "cpu/cpu.h"

/*
 * Raises an exception in the guest as the CPU would, and records it like any other.
 *   vector  0 to 31
 *   error   pushed if the vector has an error code and the guest is not in real mode
 */
void exception_raise(struct cpu *cpu, uint8_t vector, uint32_t error);

/*
 * Raises #PF for an access that Trapline made on the guest's behalf. RIP stays at the instruction, which runs again when the
 * guest's handler returns.
 */
void exception_raise_pf(struct cpu *cpu, uint32_t error, uint64_t address);

/* Raises the #DB for TF after an instruction that was carried out in software (SDM vol. 3B 18.3.1.4). */
void exception_single_step(struct cpu *cpu);

#endif
