// SPDX-License-Identifier: MIT
#include "exit/mended.h"
#include "log/log.h"
#include "vendor.h"

void mended_note(struct cpu *cpu, const char *field, uint64_t value, const char *why)
{
	if (cpu->stats.mended++)
		return;
	log_line("trapline: guest state that VM entry refuses cpu=%u rip=0x%lx %s=0x%lx why=\"%s\"; it "
		 "is corrected; from here on such states are only counted",
		cpu->number, vendor->state.get(cpu, GUEST_RIP), field, value, why);
}
