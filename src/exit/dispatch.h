// SPDX-License-Identifier: MIT
/* Calls the handler for an exit's kind. */
#ifndef TRAPLINE_DISPATCH_H
#define TRAPLINE_DISPATCH_H

#include "cpu/cpu.h"
#include "exit/handlers.h"
#include "exit/work.h"

/*
 * Handles cpu->exit. Called by the vendor's exit code, with the guest's state up to date.
 *   state  the vendor's, for skip
 *   skip   the vendor's: moves RIP past the instruction that exited, ends an interrupt shadow, and raises #DB if TF
 *          is set. Called before an NMI may be injected, so that the NMI's frame has the new RIP
 */
__attribute__((always_inline)) static inline void exit_dispatch(
	struct cpu *cpu, void *state, void (*skip)(struct cpu *, void *))
{
	cpu->stats.exits[cpu->exit.kind]++;
	exit_handlers[cpu->exit.kind](cpu);
	if (cpu->exit.skip)
		skip(cpu, state);
}

/*
 * The work in cpu->work, at the end of every exit.
 *   before_entry  the vendor's: further work of a rare entry, called last
 */
__attribute__((always_inline)) static inline void exit_end(
	struct cpu *cpu, void (*before_entry)(struct cpu *))
{
	if (__builtin_expect(cpu->work != 0, 0)) {
		exit_after_work(cpu);
		before_entry(cpu);
	}
}

#endif
