// SPDX-License-Identifier: MIT
/* Passes traps of the VMM's own IDT to the layers above, through a table that these set. */
#ifndef TRAPLINE_HOST_TRAP_H
#define TRAPLINE_HOST_TRAP_H

#include "cpu/cpu.h"
#include "cpu/idt.h"

struct host_trap_takers {
	void (*nmi)(struct cpu *cpu);
	void (*init)(struct cpu *cpu);          /* AMD-V: an INIT that was redirected to #SX */
	bool (*machine_check)(struct cpu *cpu); /* false: it is a fault of the VMM */
	__attribute__((noreturn)) void (*fault)(const struct trap_frame *frame);
};

/* Called once, before idt_load(). */
void host_trap_init(const struct host_trap_takers *takers);

/* Called by the stubs for every vector. */
void host_trap(struct trap_frame *frame);

#endif
