// SPDX-License-Identifier: MIT
#include "exit/run.h"
#include "apic/flush.h"
#include "apic/pause.h"
#include "exit/watch_access.h"
#include "stage2/private.h"

bool run_prepare(struct cpu *cpu)
{
	bool done;

	if (cpu->watching && cpu->private_tables)
		return true;
	flush_hold(cpu);
	done = private_reserve() && watch_access_reserve();
	flush_release(cpu, false);
	return done;
}

void run_stop(struct cpu *cpu, enum run_stop why)
{
	if (!atomic_load(&cpu->run.stop))
		atomic_store(&cpu->run.stop, why);
	cpu->run.steps = false;
	pause_begin(cpu);
	cpu_add_work(cpu, CPU_WORK_CONSOLE);
}

void run_leave(struct cpu *cpu)
{
	if (cpu->run.steps)
		watch_step_ask(cpu);
}

void run_stepped(struct cpu *cpu, bool done)
{
	cpu->run.holds = false;
	if (!cpu->run.steps)
		return;
	if (done)
		run_stop(cpu, RUN_STEPPED);
	else if (!pause_holds(cpu))
		watch_step_ask(cpu);
}
