/*
 * A store to a device's register (guest/store.h), carried out for the guest: its operands from the guest's registers and
 * memory, and what it leaves in them.
 */
#ifndef TRAPLINE_STORE_RUN_H
#define TRAPLINE_STORE_RUN_H

#include "cpu/cpu.h"
#include "guest/store.h"

/*
 * Works out what the register is to have, and gives the guest's registers and flags what the instruction leaves there.
 *   old  what the register has, where store_reads() says that it counts
 * False, with nothing changed: MOVS or POP, and what it reads is not RAM.
 */
bool store_run(struct cpu *cpu, const struct store *s, uint32_t old, uint32_t *value);

/*
 * The guest goes on: behind the instruction, or at it again where REP has something left. Pointers and count are moved
 * by the one step that was made.
 */
void store_end(struct cpu *cpu, const struct store *s, unsigned mode);

#endif
