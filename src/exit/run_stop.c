// SPDX-License-Identifier: MIT
#include "exit/run_stop.h"
#include "apic/pause.h"

_Atomic bool run_stops_resets;

void run_stop(struct cpu *cpu, enum run_stop why)
{
	if (!atomic_load(&cpu->run.stop))
		atomic_store(&cpu->run.stop, why);
	cpu->run.steps = false;
	pause_begin(cpu);
	cpu_add_work(cpu, CPU_WORK_CONSOLE);
}
