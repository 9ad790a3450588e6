// SPDX-License-Identifier: MIT
#include "exit/mended.h"
#include "log/log.h"
#include "vendor.h"

void mended_note(struct cpu *cpu, const char *field, uint64_t value, const char *why)
{
	if (cpu->stats.mended++)
		return;
	log_line("trapline: guest in a state that is not entered cpu=%u rip=0x%lx %s=0x%lx why=\"%s\"; it "
		 "is put "
		 "right, and counted from here on",
		cpu->number, vendor->state.get(cpu, GUEST_RIP), field, value, why);
}
