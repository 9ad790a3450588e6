/* The end of a guest: what is said, and what follows. */
#ifndef TRAPLINE_SHUTDOWN_H
#define TRAPLINE_SHUTDOWN_H

#include "cpu/cpu.h"

/*
 * Prints everything that is still to be printed, the story of the end where there is one, why it ends, and the summary; waits
 * for the UART.
 *   seconds  how old what it came from may be: SHUTDOWN_...
 */
void shutdown_report(const char *why, unsigned seconds);

/*
 * The guest says that it is dying, and still runs: tells the story, and seals the black box until a real end.
 *   text  its own words, printable; "": none
 */
void shutdown_dying(struct cpu *cpu, const char *text);

#define SHUTDOWN_RESET 120 /* a panic waits before it resets */
#define SHUTDOWN_OFF   10  /* a machine is mostly turned off on purpose */

/* Resets the machine, by the ways that PCs have. Returns where none works. */
void shutdown_reset(void);

/* A triple fault: the chain that led to it, then what trapline.conf says (reset, stop, hold). Does not return. */
__attribute__((noreturn)) void shutdown_guest(struct cpu *cpu);

#endif
