// SPDX-License-Identifier: MIT
/* The end of a guest: the report, and what follows. */
#ifndef TRAPLINE_SHUTDOWN_H
#define TRAPLINE_SHUTDOWN_H

#include "cpu/cpu.h"

/*
 * Prints everything that waits, the story of the end if there is one, the reason, and the summary. Waits
 * for the UART.
 *   seconds  maximum age of the cause: SHUTDOWN_...
 */
void shutdown_report(const char *why, unsigned seconds);

/*
 * The guest says that it is dying, and still runs: tells the story, and seals the black box until a real end.
 *   text  the guest's own words, printable; "": none
 */
void shutdown_dying(struct cpu *cpu, const char *text);

#define SHUTDOWN_RESET 120 /* a panic waits before it resets */
#define SHUTDOWN_OFF   10  /* a machine is mostly turned off on purpose */

/* Resets the machine by each of a PC's ways. Returns if none works. */
void shutdown_reset(void);

/* A triple fault: prints the chain that led to it, then does what trapline.conf says (reset, stop, hold). It returns
 * only for a capture kernel, which starts at the end of this exit. */
void shutdown_guest(struct cpu *cpu);

#endif
