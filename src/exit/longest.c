// SPDX-License-Identifier: MIT
#include "exit/longest.h"
#include "hw/asm.h"

/* If the guest has set its TSC back meanwhile, the difference is negative. */
static void note(struct cpu *cpu, uint64_t ticks)
{
	if (!cpu->exit.waited && (int64_t)ticks > 0)
		cpu->stats.longest[cpu->exit.kind] = ticks;
}

void exit_measure(struct cpu *cpu)
{
	uint64_t ticks = rdtsc() - history_now(&cpu->history);

	if (__builtin_expect(ticks > cpu->stats.longest[cpu->exit.kind], 0))
		note(cpu, ticks);
}
