// SPDX-License-Identifier: MIT
/*
 * Carries out a store to a device's register (guest/store.h) for the guest: it takes the operands from the guest's registers and
 * memory, and writes results back.
 */
#ifndef TRAPLINE_STORE_RUN_H
#define TRAPLINE_STORE_RUN_H

#include "cpu/cpu.h"
#include "guest/store.h"

/*
 * Computes the new value of the register, and updates the guest's registers and flags as the instruction does.
 *   old    the register's value, if store_reads() is true
 *   value  out: its new value
 * Returns false, with nothing changed, if it is a MOVSD or POP whose source is not RAM.
 */
bool store_run(struct cpu *cpu, const struct store *s, uint32_t old, uint32_t *value);

/*
 * Ends the instruction: the guest continues after it, or at it again if REP has steps left. Pointers and count are moved
 * by one step.
 */
void store_end(struct cpu *cpu, const struct store *s);

#endif
