// SPDX-License-Identifier: MIT
/* Watches of registers: what exits, and the hits. The vendor asks watch_register_mask() for what has to exit. */
#ifndef TRAPLINE_WATCH_REGISTER_H
#define TRAPLINE_WATCH_REGISTER_H

#include "cpu/cpu.h"
#include "watch/watch.h"

/* The part of watch_changed() for registers. Returns NULL, or why a watch cannot be had. */
const char *watch_register_changed(struct cpu *cpu);

/* Whether any watch may hit this access. Cheap if there is no watch of a register. */
extern _Atomic bool watch_registers;
bool watch_register_wants(enum watch_register reg, uint32_t msr, unsigned access);

/* Whether one of the watches that this access hits refuses it. */
bool watch_register_denies(
	enum watch_register reg, uint32_t msr, unsigned access, uint64_t old, uint64_t new);

/*
 * Records an access in all watches that it hits.
 *   r     from watch_hit_begin(), before the access
 *   done  false: it was refused
 */
void watch_register_note(struct cpu *cpu, struct trap_record *r, enum watch_register reg, uint32_t msr,
	unsigned access, uint64_t old, uint64_t new, bool denied);

#endif
