// SPDX-License-Identifier: MIT
/*
 * The VMM's own ends: a fault of its own, or a state that it cannot continue from. The report is a
 * sequence of steps: if one of them faults, a line says so and the next one runs.
 */
#ifndef TRAPLINE_FAULT_H
#define TRAPLINE_FAULT_H

#include "cpu/cpu.h"
#include "cpu/idt.h"

/* A fault inside the VMM: prints everything that helps to find the bug; then the CPU stops. */
__attribute__((noreturn)) void fault_screen(const struct trap_frame *frame);

/* A state that must never occur: prints it in words, with the guest's state; then the CPU stops. */
__attribute__((noreturn, format(printf, 2, 3))) void fault_fatal(struct cpu *cpu, const char *fmt, ...);

/* The CPU that has reported turns the screen's pages as long as the machine is on. */
__attribute__((noreturn)) void fault_show(void);

#ifdef TRAPLINE_TEST
/* Each step of the fault screen calls this; it faults if a test has asked for that. */
extern void (*fault_in_step)(void);
#endif

#endif
