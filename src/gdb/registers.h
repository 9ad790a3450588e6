// SPDX-License-Identifier: MIT
/*
 * The registers that gdb is told of, in the order of their numbers, and their values on the current CPU. The list makes gdb's
 * description of the target as well.
 */
#ifndef TRAPLINE_GDB_REGISTERS_H
#define TRAPLINE_GDB_REGISTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "cpu/cpu.h"
#include "trace/text.h"

#define GDB_REGISTER_BYTES 16 /* of the largest one */

/*
 * Which registers there are, for one gdb: those of x86-64, of which the other modes see a part, or those of the i386.
 *   code_mode  what gdb takes code for: 16, 32 or 64
 */
void gdb_registers_choose(unsigned code_mode);

unsigned gdb_register_count(void);

/* The number of RIP. */
unsigned gdb_register_rip(void);

/* The number of bytes of register n, from 0. */
unsigned gdb_register_size(unsigned n);

/*
 * Reads register n of the current CPU.
 *   to  room for GDB_REGISTER_BYTES bytes
 * False: the CPU does not have it now.
 */
bool gdb_register_read(struct cpu *cpu, unsigned n, uint8_t *to);

/* Before the first gdb_register_read() of a reply: the vector registers are read once. */
void gdb_registers_begin(void);

/* Writes it. False: it is one that gdb cannot change, or the value is one that the CPU cannot have. */
bool gdb_register_write(struct cpu *cpu, unsigned n, const uint8_t *from);

/* Appends the description of the target (the manual of GDB, appendix G "Target Descriptions"). */
void gdb_registers_describe(struct text *t);

#define GDB_DESCRIPTION_MAX 12288

#endif
