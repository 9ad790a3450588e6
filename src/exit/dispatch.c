// SPDX-License-Identifier: MIT
#include "exit/dispatch.h"
#include "exit/exception.h"
#include "exit/handlers.h"
#include "exit/longest.h"
#include "exit/test_faults.h"
#include "log/log.h"
#include "trace/vector.h"
#include "vendor.h"

#define UNKNOWN_REPORTS 16 /* for each CPU; further ones are only counted in its statistics */

/* An exit that Trapline did not request is printed, and the instruction raises #UD. The guest may continue or die of it. */
void exit_unknown(struct cpu *cpu)
{
	if (cpu->stats.exits[EXIT_UNKNOWN] <= UNKNOWN_REPORTS)
		log_line("trapline: unknown exit cpu=%u reason=0x%lx (%s) rip=0x%lx; the guest gets #UD",
			cpu->number, cpu->exit.reason, vendor->exits.name(cpu->exit.reason),
			vendor->state.get(cpu, GUEST_RIP));
	exception_raise(cpu, VEC_UD, 0);
}

/* Kinds that only one vendor has, and those that each vendor ends in its own way. */
void exit_own(struct cpu *cpu)
{
	vendor->exits.own(cpu);
}

#ifdef TRAPLINE_TEST
#define exit_vmcall exit_test_vmcall
#endif

static void (*const measured_handlers[EXIT_KIND_COUNT])(struct cpu *) = {
#define EXIT_KIND(kind, name, handler, what, switches, stays) [kind] = (handler),
#include "cpu/exit_kinds.def"
};

static void measured(struct cpu *cpu)
{
	measured_handlers[cpu->exit.kind](cpu);
	exit_measure(cpu);
}

void (*exit_handlers[EXIT_KIND_COUNT])(struct cpu *) = {
#define EXIT_KIND(kind, name, handler, what, switches, stays)                                                \
	[kind] = EXIT_KINDS_FAST >> (kind)&1 ? (handler) : measured,
#include "cpu/exit_kinds.def"
};
