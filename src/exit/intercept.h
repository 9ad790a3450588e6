/*
 * What exits, and what of it can be changed while the guest runs: boot_info.config says which exceptions are
 * wanted, each CPU does it for itself when it comes by; the permission map of ports is one for all.
 */
#ifndef TRAPLINE_INTERCEPT_H
#define TRAPLINE_INTERCEPT_H

#include "cpu/cpu.h"

/*
 *   vectors   a bit each
 *   software  AMD-V: INT n, INT3 and INTO as instructions
 */
void intercept_set(struct cpu *cpu, uint32_t vectors, bool software);

/* Carries out on this CPU what was ordered last. */
void intercept_serve(struct cpu *cpu);

#endif
