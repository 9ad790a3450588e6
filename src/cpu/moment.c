// SPDX-License-Identifier: MIT
#include "cpu/moment.h"
#include "vendor.h"

/*
 * Before Trapline runs under this CPU the firmware handles these events, and the instruction that lets them in may not exist
 * yet. Other CPUs may already run under Trapline while this one still has the firmware's stack and GS.
 */
static bool is_beneath(void)
{
	uint32_t active = atomic_load(&cpus_active);

	if (active == boot_info.cpus)
		return true;
	return active && atomic_load(&cpu_of_stack((uint64_t)&active)->beneath);
}

static void let_in(bool on)
{
	if (!vendor || !is_beneath())
		return;
	cpu_of_stack((uint64_t)&on)->exit.waited = true;
	vendor->events.let_in(on);
}

void moment_open(void)
{
	let_in(true);
}

void moment_close(void)
{
	let_in(false);
}

void moment_wait(cpu_waiter *how, const _Atomic uint32_t *word, uint32_t old)
{
	moment_open();
	how(word, old);
	moment_close();
}

void moment(void)
{
	moment_open();
	cpu_pause();
	moment_close();
}
