// SPDX-License-Identifier: MIT
/*
 * What exits, and changes of that while the guest runs. boot_info.config holds the configured exceptions; each CPU applies a
 * change at one of its next exits. All CPUs share the permission map of ports.
 */
#ifndef TRAPLINE_INTERCEPT_H
#define TRAPLINE_INTERCEPT_H

#include "cpu/cpu.h"

/*
 * Orders a change.
 *   vectors   one bit each
 *   software  AMD-V: intercept INT n, INT3 and INTO as instructions
 */
void intercept_set(struct cpu *cpu, uint32_t vectors, bool software);

/*
 * Orders that every CPU sets its intercepts again, and waits until those that run the guest have done so, 100 ms at most. The caller must
 * not hold a lock for which another CPU may wait.
 */
void intercept_again(struct cpu *cpu);

/* Carries out the last order on this CPU. */
void intercept_serve(struct cpu *cpu);

#endif
