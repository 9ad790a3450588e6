/*
 * Stores to the APIC that were decoded before: an operating system makes the same few at every interrupt. What
 * is spared is the walk of the guest's tables to the instruction, and its decoding.
 */
#ifndef TRAPLINE_RECENT_H
#define TRAPLINE_RECENT_H

#include "cpu/cpu.h"
#include "exit/store.h"

/*
 * The store to the register at `offset` that is at RIP, in code of 16, 32 or 64 bits. NULL: not known, or its
 * bytes are not the same any more. They are compared where they were found: a guest that maps other code to
 * the same address, under the same CR3, and leaves the old bytes in their page, gets the old store, to the
 * register that the CPU says. Only its own APIC is at stake: what is written is looked at either way.
 */
const struct store *recent_find(const struct cpu *cpu, unsigned offset, unsigned mode);

/* Keeps the store that was decoded at RIP, and where its bytes lie. */
void recent_keep(const struct cpu *cpu, unsigned offset, unsigned mode, const struct store *s);

#endif
