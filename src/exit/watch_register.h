// SPDX-License-Identifier: MIT
/*
 * Watches of registers. The vendor makes the accesses exit while there is such a watch (WATCH_REGISTERS, WATCH_CONFIGURED); the values
 * before and after decide which watches are hit.
 */
#ifndef TRAPLINE_WATCH_REGISTER_H
#define TRAPLINE_WATCH_REGISTER_H

#include "cpu/cpu.h"
#include "watch/watch.h"

/* The part of watch_changed() for registers. */
void watch_register_changed(struct cpu *cpu);

/* Brings the watches into force that exist before the guest runs: each CPU's start sets its own intercepts. */
void watch_register_begin_all(void);

/* One access, from the exit until it is carried out or refused. */
struct watch_access_state {
	struct trap_record record; /* the guest's state before it */
	enum watch_register reg;
	uint32_t msr;    /* WATCH_MSR and WATCH_EFER */
	unsigned access; /* WATCH_READ or WATCH_WRITE */
	bool has_old;
	uint64_t old;
};

/* Whether any watch may be hit by this access. */
bool watch_register_wants(enum watch_register reg, uint32_t msr, unsigned access);

/* Takes the guest's state. The caller sets `old` and `has_old` if the register can be read. */
void watch_register_begin(struct cpu *cpu, struct watch_access_state *a, enum watch_register reg,
	uint32_t msr, unsigned access);

/*
 * Whether a watch that this access hits refuses it; if so, its hits are recorded.
 *   new  the value that is written; of a read: the old one
 */
bool watch_register_denies(struct cpu *cpu, struct watch_access_state *a, uint64_t new);

/* The access was carried out: records its hits. */
void watch_register_end(struct cpu *cpu, struct watch_access_state *a, uint64_t new);

#endif
