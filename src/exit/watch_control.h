// SPDX-License-Identifier: MIT
/*
 * Watches of control, debug and table registers: the instructions that write them exit, and are carried out here. The vendor calls these
 * only while such a register is watched.
 */
#ifndef TRAPLINE_WATCH_CONTROL_H
#define TRAPLINE_WATCH_CONTROL_H

#include "cpu/cpu.h"
#include "exit/watch_register.h"

/* A write of a control register by MOV, CLTS or LMSW. */
struct control_write {
	uint64_t value; /* of the whole register: control_register.h makes it from the source of LMSW */
	uint8_t number; /* of the register */
	uint8_t length; /* of the instruction */
};

/*
 * Carries it out. False: nothing watches CR0 or CR4, or it is another register; the vendor handles it as without watches. MOV to CR3 exits
 * for a watch only. It is carried out even if that is gone by now.
 */
bool watch_control(struct cpu *cpu, const struct control_write *w);

/*
 * The same for the instruction at RIP, if the CPU does not describe it. LMSW of memory is not carried out: false, and its hit is recorded at
 * the next exit.
 */
bool watch_control_insn(struct cpu *cpu);

/*
 * An instruction that runs by itself: its hit is recorded at the next exit, by the register's value then (src/exit/watch_tables.c).
 *   segment  SEG_...; any with WATCH_CR0
 */
void watch_open_begin(struct cpu *cpu, const struct watch_access_state *a, unsigned segment);

/* With CPU_WORK_OPEN, in the work of an exit. */
void watch_open_close(struct cpu *cpu);

/* Before the guest's state is reset: the instruction is no more, and nothing is told. */
void watch_tables_drop(struct cpu *cpu);

#endif
