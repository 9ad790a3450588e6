// SPDX-License-Identifier: MIT
/*
 * A stub of the GDB remote serial protocol on the console's line. The first packet of a gdb switches the line over, and stops the guest on all
 * CPUs (apic/pause.h); detach, kill, or ^C and a line of text switch it back. docs/gdb.md has the operator's side.
 */
#ifndef TRAPLINE_GDB_H
#define TRAPLINE_GDB_H

/* Lets a gdb have the line. After console_init(). */
void gdb_init(void);

#endif
