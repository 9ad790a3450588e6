// SPDX-License-Identifier: MIT
#include "exit/watch_change.h"
#include "exit/intercept.h"
#include "exit/watch_memory.h"
#include "exit/watch_register.h"
#include "hw/x86.h"
#include "vendor.h"

const char *watch_changed(struct cpu *cpu)
{
	const char *why = watch_memory_changed(cpu);

	if (!why)
		why = watch_register_changed(cpu);
	return why;
}

SLOW_PATH void watch_change_serve(struct cpu *cpu)
{
	cpu_end_work(cpu, CPU_WORK_WATCH);
	watch_changed(cpu);
}

const char *watch_set(struct cpu *cpu, char *text, uint16_t *id, const char **bad)
{
	struct watch_spec spec;
	const char *why = watch_parse(&spec, text, bad);
	struct watch *w;

	if (why)
		return why;
	*bad = "";
	if (spec.space == WATCH_LINEAR && !spec.cr3)
		spec.cr3 = vendor->state.get(cpu, GUEST_CR3) & PTE_ADDRESS;
	w = watch_add(&spec);
	if (!w)
		return "there are 256 watches already: watch delete N makes room";
	*id = w->id;
	why = watch_changed(cpu);
	if (why) {
		watch_delete(*id);
		watch_changed(cpu);
	}
	return why;
}
