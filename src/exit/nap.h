/* The sleep of a CPU that the guest has no use for: one that waits for a SIPI, or has halted with interrupts off. */
#ifndef TRAPLINE_NAP_H
#define TRAPLINE_NAP_H

#include "cpu/cpu.h"

/*
 * A turn for the console where it has something to do, otherwise sleep: until an NMI has come, unless *word is not
 * `old` any more. Where nothing wakes Trapline on a boot CPU that has died with its interrupts off (AMD-V), the sleep is a nap
 * as well: this CPU's own APIC timer ends it, to see whether the operator or lines that were left behind wait.
 */
void nap(struct cpu *cpu, const _Atomic uint32_t *word, uint32_t old);

/* Whether it would end by itself: one that waits for something else than an NMI may not sleep otherwise. */
bool nap_ends(void);

#endif
