// SPDX-License-Identifier: MIT
/* The sleep of a CPU that the guest does not use: it waits for a SIPI, or has halted with interrupts off. */
#ifndef TRAPLINE_TIMED_HALT_H
#define TRAPLINE_TIMED_HALT_H

#include "cpu/cpu.h"

/*
 * Gives the console a turn if it has work; otherwise sleeps until an NMI comes, or until *word is no longer `old`. On AMD-V
 * nothing wakes Trapline on a boot CPU that has died with its interrupts off. So this CPU's own APIC timer ends the sleep, and
 * this CPU polls for keys and for lines that were left.
 */
void timed_halt(struct cpu *cpu, const _Atomic uint32_t *word, uint32_t old);

/* Whether the timer ends a timed halt. If not, a CPU that waits for anything but an NMI must not sleep. */
bool timed_halt_ends(void);

#endif
