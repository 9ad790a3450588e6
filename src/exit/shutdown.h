/* The end of a guest: what is said, and what follows. */
#ifndef TRAPLINE_SHUTDOWN_H
#define TRAPLINE_SHUTDOWN_H

#include "cpu/cpu.h"

/* Prints everything that is still to be printed, why it ends, and the summary; waits for the UART. */
void shutdown_report(const char *why);

/* Resets the machine, by the ways that PCs have. Returns where none works. */
void shutdown_reset(void);

/* A triple fault: the chain that led to it, then what trapline.conf says (reset, stop, hold). Does not return. */
__attribute__((noreturn)) void shutdown_guest(struct cpu *cpu);

#endif
