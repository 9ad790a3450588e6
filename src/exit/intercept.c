// SPDX-License-Identifier: MIT
#include "exit/intercept.h"
#include "apic/park.h"
#include "cpu/moment.h"
#include "vendor.h"

#define WAIT_MS 100

static _Atomic uint32_t order;

void intercept_serve(struct cpu *cpu)
{
	uint32_t now = atomic_load(&order);

	if (atomic_load(&cpu->intercepts) == now)
		return;
	cpu->recorded_type = TRAP_TYPE_MARK; /* the next event need not belong to the newest record */
	vendor->exits.watch(cpu, WATCH_CONFIGURED, true);
	atomic_store(&cpu->intercepts, now);
}

void intercept_set(struct cpu *cpu, uint32_t vectors, bool software)
{
	boot_info.config.intercept = vectors;
	boot_info.config.intercept_int = software;
	atomic_fetch_add(&order, 1);
	intercept_serve(cpu);
	cpu_kick_others(cpu);
}

static bool all_have(uint32_t now)
{
	for_each_cpu (c)
		if (cpu_takes_nmis(c) && (int32_t)(atomic_load(&c->intercepts) - now) < 0)
			return false;
	return true;
}

void intercept_again(struct cpu *cpu)
{
	uint32_t now = atomic_fetch_add(&order, 1) + 1;
	uint64_t since = rdtsc();

	intercept_serve(cpu);
	cpu_kick_others(cpu);
	while (!all_have(now) && rdtsc() - since < boot_info.tsc_khz * WAIT_MS) {
		intercept_serve(cpu);
		moment();
	}
}
