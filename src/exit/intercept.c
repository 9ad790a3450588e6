// SPDX-License-Identifier: MIT
#include "exit/intercept.h"
#include "apic/park.h"
#include "vendor.h"

static _Atomic uint32_t order;

void intercept_serve(struct cpu *cpu)
{
	uint32_t now = atomic_load(&order);

	if (cpu->intercepts == now)
		return;
	cpu->intercepts = now;
	cpu->recorded_type = TRAP_TYPE_MARK; /* the next event need not belong to the newest record */
	vendor->exits.watch(cpu, WATCH_CONFIGURED, true);
}

void intercept_set(struct cpu *cpu, uint32_t vectors, bool software)
{
	boot_info.config.intercept = vectors;
	boot_info.config.intercept_int = software;
	atomic_fetch_add(&order, 1);
	intercept_serve(cpu);
	cpu_kick_others(cpu);
}
