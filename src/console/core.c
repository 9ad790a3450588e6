// SPDX-License-Identifier: MIT
/* The command core. */
#include "console/command.h"
#include "console/stopping.h"
#include "apic/pause.h"
#include "log/log.h"
#include "report/core.h"
#include "report/report.h"

/* The guest stands still meanwhile, so that the CPUs' registers and stacks belong together. */
static struct core_kept keep_stopped(struct cpu *cpu)
{
	uint32_t stop = pause_begin_own(cpu);
	struct core_kept kept;

	stopping_wait(cpu);
	kept = core_keep(cpu, NULL);
	pause_end_own(stop);
	return kept;
}

const char *command_core(struct command_call *call)
{
	struct core_kept kept;

	if (!report_try())
		return "another CPU is printing a report; try again";
	kept = keep_stopped(call->cpu);
	report_end();
	if (!kept.bytes)
		return "the black box has no room for one: core_kib in trapline.conf";
	log_reply("core bytes=%lu cpus=%u pages=%u", kept.bytes, kept.cpus, kept.pages);
	return NULL;
}
