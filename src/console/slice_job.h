// SPDX-License-Identifier: MIT
/*
 * Work in slices (console/slice.h) that goes on by itself: its CPU takes a slice at the end of each exit, until the work is done. If that CPU does
 * not come any more, because it got an INIT or has no exits, another one may give the job up.
 */
#ifndef TRAPLINE_SLICE_JOB_H
#define TRAPLINE_SLICE_JOB_H

#include <stdatomic.h>
#include "console/slice.h"

#define SLICE_LATE_MS 500 /* without a slice for so long, a job may be given up */

struct slice_job {
	enum slice_stack stack;
	_Atomic uint32_t state; /* of slice_job.c; 0: there is no job */
	struct cpu *on;
	uint64_t since; /* the last slice */
	bool begun;
	void (*work)(void);
};

enum slice_job_result {
	SLICE_JOB_NONE, /* this CPU has none */
	SLICE_JOB_RESTS,
	SLICE_JOB_DONE
};

/* Jobs that are not done yet, of all CPUs. */
extern _Atomic uint32_t slice_jobs;

/* Most turns of the console ask this, and find none. */
static inline bool slice_job_is_there(void)
{
	return atomic_load_explicit(&slice_jobs, memory_order_relaxed);
}

/* Begins a job on this CPU, whose turn takes the first slice. False: there is one already, which is not late. */
bool slice_job_begin(struct slice_job *job, struct cpu *cpu, void (*work)(void));

/* Takes a slice, if the job is this CPU's. */
enum slice_job_result slice_job_serve(struct slice_job *job, struct cpu *cpu);

/* For another CPU that waits for its end: wakes the job's CPU. True: that CPU is late, and the job has been given up. */
bool slice_job_hurry(struct slice_job *job);

#endif
