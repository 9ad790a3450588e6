// SPDX-License-Identifier: MIT
#include "console/names_search.h"
#include "console/slice_job.h"
#include "report/guest_names.h"

static struct slice_job job = {.stack = SLICE_NAMES};

static void search(void)
{
	guest_names_search(job.on);
}

bool names_search_begin(struct cpu *cpu)
{
	return guest_names_due(cpu) && slice_job_begin(&job, cpu, search);
}

bool names_search_rests(const struct cpu *cpu)
{
	return atomic_load_explicit(&job.state, memory_order_relaxed) && job.on == cpu;
}

bool names_search_serve(struct cpu *cpu)
{
	return slice_job_serve(&job, cpu) != SLICE_JOB_NONE;
}
