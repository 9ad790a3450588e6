// SPDX-License-Identifier: MIT
/*
 * Watches of control, debug and table registers: the instructions that write them exit, and are carried out here. The vendor calls these
 * only while such a register is watched.
 */
#ifndef TRAPLINE_WATCH_CONTROL_H
#define TRAPLINE_WATCH_CONTROL_H

#include "cpu/cpu.h"

/*
 * MOV to CR0, CR3 or CR4, CLTS and LMSW at RIP. False: the instruction is none of these, or nothing watches the register; the vendor
 * handles it as without watches.
 */
bool watch_control(struct cpu *cpu);

/* With CPU_WORK_OPEN, in the work of an exit: src/exit/watch_tables.c. */
void watch_tables_close(struct cpu *cpu);

/* Before the guest's state is reset: the instruction is no more, and nothing is told. */
void watch_tables_drop(struct cpu *cpu);

#endif
