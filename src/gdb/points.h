// SPDX-License-Identifier: MIT
/*
 * gdb's breakpoints and watchpoints. Each is a watch (watch/watch.h): the guest reads its own code, and keeps its debug registers. The
 * caller holds the commands' lock, and no other for which another CPU may wait.
 */
#ifndef TRAPLINE_GDB_POINTS_H
#define TRAPLINE_GDB_POINTS_H

#include "cpu/cpu.h"
#include "trace/text.h"

#define GDB_POINTS 64

/* The numbers of the protocol: Z0 to Z4. */
enum gdb_point {
	GDB_SOFTWARE,
	GDB_HARDWARE,
	GDB_WRITE,
	GDB_READ,
	GDB_ACCESS,
	GDB_POINT_KINDS
};

/*
 * Sets one, by the page tables of the CPU, or takes it away.
 *   length  bytes; an instruction's first byte counts
 * gdb_point_set() returns false if the place is not mapped, or if there are too many. It may be set already.
 */
bool gdb_point_set(struct cpu *cpu, enum gdb_point kind, uint64_t at, uint64_t length);
void gdb_point_clear(struct cpu *cpu, enum gdb_point kind, uint64_t at, uint64_t length);

/* Whether there are as many as there may be. */
bool gdb_points_full(void);

/* Takes all away. */
void gdb_points_clear(struct cpu *cpu);
bool gdb_points_any(void);

/* Appends what the stop reply says of a hit, by the number of its watch. Nothing if it is not gdb's. */
void gdb_point_tell(struct text *t, uint16_t watch);

#endif
