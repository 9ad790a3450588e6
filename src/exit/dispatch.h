/* From an exit's kind to its handler. */
#ifndef TRAPLINE_DISPATCH_H
#define TRAPLINE_DISPATCH_H

#include "cpu/cpu.h"
#include "exit/work.h"

extern void (*const exit_handlers[EXIT_KIND_COUNT])(struct cpu *);

/*
 * Handles cpu->exit, then whatever cpu->work asks for. Called by the vendor's exit, the guest's state is up
 * to date.
 *   skip          the vendor's: moves RIP behind the instruction that exited, ends an interrupt shadow, raises #DB where TF
 *                 asks for it. It is called before an NMI may go in: the NMI's frame has the new RIP.
 *   before_entry  the vendor's: what it does besides on the rare entry, last of all
 */
__attribute__((always_inline)) static inline void exit_dispatch(
	struct cpu *cpu, void (*skip)(struct cpu *), void (*before_entry)(struct cpu *))
{
	cpu->stats.exits[cpu->exit.kind]++;
	exit_handlers[cpu->exit.kind](cpu);
	if (cpu->exit.skip)
		skip(cpu);
	if (__builtin_expect(cpu->work != 0, 0)) {
		exit_after_work(cpu);
		before_entry(cpu);
	}
}

#endif
