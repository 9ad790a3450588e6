// SPDX-License-Identifier: MIT
#include "console/slice_job.h"
#include "apic/park.h"
#include "hw/asm.h"

#define KICK_MS 20

/* Whoever makes a job RUNNING owns it. */
enum {
	IDLE,
	RESTING,
	RUNNING
};

_Atomic uint32_t slice_jobs;

/* If the guest sets its TSC back, the time counts as passed. */
static bool rested(const struct slice_job *job, uint64_t ms)
{
	return rdtsc() - job->since >= boot_info.tsc_khz * ms;
}

static bool take(struct slice_job *job, uint32_t state)
{
	return atomic_compare_exchange_strong(&job->state, &state, RUNNING);
}

/* Takes a job that is late from its CPU. Its stack is left as it is. Until it is taken another job may take its place. */
static bool take_late(struct slice_job *job)
{
	if (!take(job, RESTING))
		return false;
	if (rested(job, SLICE_LATE_MS))
		return true;
	atomic_store(&job->state, RESTING);
	return false;
}

bool slice_job_begin(struct slice_job *job, struct cpu *cpu, void (*work)(void))
{
	if (take(job, IDLE))
		atomic_fetch_add(&slice_jobs, 1);
	else if (!take_late(job))
		return false;
	job->on = cpu;
	job->work = work;
	job->begun = false;
	job->since = rdtsc();
	cpu_add_work(cpu, CPU_WORK_CONSOLE);
	atomic_store(&job->state, RESTING);
	return true;
}

static void end(struct slice_job *job)
{
	atomic_store(&job->state, IDLE);
	atomic_fetch_sub(&slice_jobs, 1);
}

static bool slice(struct slice_job *job)
{
	if (job->begun)
		return slice_go_on(job->stack);
	job->begun = true;
	return slice_begin(job->stack, job->on, job->work);
}

enum slice_job_result slice_job_serve(struct slice_job *job, struct cpu *cpu)
{
	bool done;

	if (atomic_load_explicit(&job->state, memory_order_relaxed) == IDLE || job->on != cpu ||
		!take(job, RESTING))
		return SLICE_JOB_NONE;
	done = slice(job);
	job->since = rdtsc();
	if (done)
		end(job);
	else
		atomic_store(&job->state, RESTING);
	return done ? SLICE_JOB_DONE : SLICE_JOB_RESTS;
}

bool slice_job_hurry(struct slice_job *job)
{
	bool late;

	if (atomic_load(&job->state) != RESTING || job->on == this_cpu())
		return false;
	if (rested(job, KICK_MS) && !atomic_load(&job->on->kicked))
		cpu_kick(job->on);
	late = take_late(job);
	if (late)
		end(job);
	return late;
}
