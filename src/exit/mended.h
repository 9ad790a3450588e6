// SPDX-License-Identifier: MIT
/*
 * Guest states that the CPU, or an emulator, let the guest reach, but that VM entry refuses. They are corrected, so that the
 * guest continues as it would bare. docs/vendors.md lists the checks of an entry.
 */
#ifndef TRAPLINE_MENDED_H
#define TRAPLINE_MENDED_H

#include "cpu/cpu.h"

/*
 * Counts a corrected state, and prints the first on each CPU.
 *   field, why  from the vendor's list of checks
 *   value       the field's value before
 */
void mended_note(struct cpu *cpu, const char *field, uint64_t value, const char *why);

#endif
