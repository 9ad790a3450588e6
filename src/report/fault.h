/*
 * The VMM's own ends: a fault of its own, or a state that it cannot go on from. What is known is printed as a
 * sequence of steps: a fault inside one of them is noted, and the next one runs.
 */
#ifndef TRAPLINE_FAULT_H
#define TRAPLINE_FAULT_H

#include "cpu/cpu.h"
#include "cpu/idt.h"

/* A fault inside the VMM: everything that helps to find the bug, then the CPU stops. */
__attribute__((noreturn)) void fault_screen(const struct trap_frame *frame);

/* A state that must not happen, in words, with the guest's state; then the CPU stops. */
__attribute__((noreturn, format(printf, 2, 3))) void fault_fatal(struct cpu *cpu, const char *fmt, ...);

/* The CPU that has reported turns the screen's pages, for as long as the machine is on. */
__attribute__((noreturn)) void fault_show(void);

#ifdef TRAPLINE_TEST
/* Called by a step of the fault screen: faults if a test has asked for that. */
extern void (*fault_in_step)(void);
#endif

#endif
