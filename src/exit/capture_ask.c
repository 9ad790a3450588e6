// SPDX-License-Identifier: MIT
#include "exit/capture_ask.h"

static _Atomic bool runs;

bool capture_runs(void)
{
	return atomic_load(&runs);
}

void capture_note_run(void)
{
	atomic_store(&runs, true);
}

const char *capture_missing(void)
{
	if (capture_runs())
		return "the capture kernel runs already";
	return boot_info.capture.size ? NULL
				      : "there is no capture kernel: capture= in trapline.conf names one";
}

void capture_ask(struct cpu *cpu)
{
	cpu_add_work(cpu, CPU_WORK_CAPTURE);
}
