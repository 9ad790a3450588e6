// SPDX-License-Identifier: MIT
#include "exit/run.h"
#include "apic/flush.h"
#include "apic/pause.h"
#include "exit/run_stop.h"
#include "exit/watch_access.h"
#include "stage2/private.h"
#include "vendor.h"

/* Memory may have run out in the middle. */
static bool all_prepared(void)
{
	for_each_cpu (c)
		if (!c->watching || !c->private_tables)
			return false;
	return true;
}

bool run_prepare(struct cpu *cpu)
{
	bool done;

	if (all_prepared())
		return true;
	flush_hold(cpu);
	done = private_reserve() && watch_access_reserve();
	flush_release(cpu, false);
	return done;
}

void run_ask(struct cpu *cpu)
{
	if (!(cpu->work & CPU_WORK_STEP))
		watch_step_ask(cpu);
}

static void end_step(struct cpu *cpu, bool done)
{
	bool none = cpu->run.admits && vendor->state.get(cpu, GUEST_RIP) == cpu->run.rip;

	cpu->run.holds = cpu->run.admits = false;
	if (!cpu->run.steps)
		return;
	if (done && !none) {
		run_stop(cpu, RUN_STEPPED);
	} else if (!pause_holds(cpu)) {
		watch_step_ask(cpu);
		/* the vendor has left it to the guest, before an instruction that cannot be held */
		cpu->run.admits =
			!done && cpu->exit.kind == EXIT_INTERRUPT && !vendor->state.get(cpu, GUEST_EVENT);
	}
}

void run_step_over(struct cpu *cpu)
{
	enum watch_step how = watch_step_over(cpu);

	if (how != WATCH_STEP_GOES_ON)
		end_step(cpu, how == WATCH_STEP_DONE);
}
