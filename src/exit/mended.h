/*
 * Guest states that the CPU, or an emulator, has let the guest reach, but refuses to enter. They are put right, so that the
 * guest goes on as it would have bare. What an entry checks: docs/vendors.md.
 */
#ifndef TRAPLINE_MENDED_H
#define TRAPLINE_MENDED_H

#include "cpu/cpu.h"

/* Counts one, and tells of the first on each CPU. field, why  as in the vendor's list of checks; value  as it was. */
void mended_note(struct cpu *cpu, const char *field, uint64_t value, const char *why);

#endif
