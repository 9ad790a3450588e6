// SPDX-License-Identifier: MIT
/* External interrupts while the VMM runs: they are disabled, except in a window in which the host acknowledges one. */
#ifndef TRAPLINE_HOST_INTERRUPT_H
#define TRAPLINE_HOST_INTERRUPT_H

#include "cpu/cpu.h"

/* Acknowledges a pending interrupt, whatever the guest's state: cpu->host_interrupt. */
void host_interrupt_take(struct cpu *cpu);

#endif
