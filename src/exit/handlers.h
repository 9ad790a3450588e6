// SPDX-License-Identifier: MIT
/* The handlers of exits, one for each kind, each in the file of its mechanism. */
#ifndef TRAPLINE_HANDLERS_H
#define TRAPLINE_HANDLERS_H

#include "cpu/cpu.h"

#define EXIT_KIND(kind, name, handler, what, switches, stays) void handler(struct cpu *cpu);
#include "cpu/exit_kinds.def"

/* The dispatcher's table. It changes only while registers are watched: exit/watch_msr.h. */
extern void (*exit_handlers[EXIT_KIND_COUNT])(struct cpu *);

/* The instruction was carried out: the guest continues after it. */
static inline void exit_skip(struct cpu *cpu)
{
	cpu->exit.skip = true;
}

#endif
