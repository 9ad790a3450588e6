// SPDX-License-Identifier: MIT
/* Second-level page faults: the guest accessed the VMM's memory, or an address that is not mapped yet. */
#include "apic/apic.h"
#include "exit/apic_page.h"
#include "exit/apic_seen.h"
#include "exit/handlers.h"
#include "exit/longest.h"
#include "exit/watch_access.h"
#include "exit/watch_exec.h"
#include "log/log.h"
#include "report/fault.h"
#include "exit/exception.h"
#include "guest/insn.h"
#include "stage2/stage2.h"
#include "trace/decode.h"
#include "trace/vector.h"
#include "vendor.h"

static const char *access_name(uint64_t qualifier)
{
	if (qualifier & STAGE2_WALK)
		return "page-table walk";
	return qualifier & STAGE2_WRITE ? "write" : qualifier & STAGE2_FETCH ? "fetch" : "read";
}

/* The CPU's reason for the fault. */
static const char *page_state(uint64_t qualifier)
{
	if (qualifier & STAGE2_RESERVED)
		return "an entry with a reserved bit, or one that contradicts itself";
	return qualifier & STAGE2_PRESENT ? "present, but it forbids this access" : "not present";
}

/*
 * Finds the guest-linear address: from the CPU if it reports one; otherwise the operand of the instruction whose
 * translation is the faulting address. False: neither, as for accesses that the CPU makes by itself.
 */
static bool linear_address(
	struct cpu *cpu, const struct trap_record *r, const struct decoded *d, uint64_t *linear)
{
	const struct exit *x = &cpu->exit;
	struct guest_paging paging;
	uint64_t physical;

	*linear = x->qualifier & STAGE2_LINEAR ? x->linear : r->rip;
	if (x->qualifier & (STAGE2_LINEAR | STAGE2_FETCH))
		return true;
	vendor->state.paging(cpu, &paging);
	for (unsigned i = 0; i < d->mems; i++) {
		*linear = d->mem[i];
		if (guest_translate(&paging, *linear, &physical) && physical >> 12 == x->address >> 12)
			return true;
	}
	return false;
}

/* Prints the exit field by field, after the line with its subject. */
static void report_access(struct cpu *cpu)
{
	static const char *const by[] = {"the instruction", "the CPU, for its page walk"};
	const struct exit *x = &cpu->exit;
	struct trap_record r;
	struct decoded d;
	uint64_t linear, *leaf;
	unsigned level;

	insn_record(cpu, &r);
	decode(&r, &d);
	leaf = paging_leaf(&stage2_tables, x->address, &level);
	log_line("  stage2 access=%s by=\"%s\" page=\"%s\" gpa=0x%lx entry=0x%lx level=%u",
		access_name(x->qualifier), by[!!(x->qualifier & STAGE2_WALK)], page_state(x->qualifier),
		x->address, leaf ? *leaf : 0, level);
	if (linear_address(cpu, &r, &d, &linear))
		log_line("  stage2 linear=0x%lx cr3=0x%lx", linear, r.cr3);
	log_line("  stage2 at=0x%x:0x%lx mode=%u cpl=%u insn=\"%s\"", r.cs, r.rip, r.mode, r.cpl, d.text);
}

/*
 * Reports an access to Trapline's memory, or to an address outside of the firmware's map. The first few are printed in full.
 * A repetition is not: an interrupt may come before the instruction that was let through, which then exits again.
 */
static void report_refused(struct cpu *cpu, const char *where, const char *outcome)
{
	const struct exit *x = &cpu->exit;
	uint64_t rip = vendor->state.get(cpu, GUEST_RIP);
	bool again = cpu->refused.rip == rip && cpu->refused.gpa == x->address;

	cpu->refused.rip = rip;
	cpu->refused.gpa = x->address;
	cpu->stats.bad_guest[BAD_MEMORY]++;
	if (again || !cpu_tells(cpu, REFUSED_MEMORY))
		return;
	log_line("trapline: guest %s to %s cpu=%u gpa=0x%lx rip=0x%lx; %s", access_name(x->qualifier), where,
		cpu->number, x->address, rip, outcome);
	report_access(cpu);
}

/* The tables map the page, but the CPU refuses the access: a bug of Trapline's. */
static void fail(struct cpu *cpu)
{
	const struct exit *x = &cpu->exit;

	report_access(cpu);
	fault_fatal(cpu, "second-level page fault: %s gpa=0x%lx qualifier=0x%lx", access_name(x->qualifier),
		x->address, x->qualifier);
}

/*
 * Another CPU's APIC has left the page, or its watch is gone: this CPU used a stale translation. With no right left the page
 * was not present.
 */
static bool is_old_translation(const struct exit *x)
{
	return !(x->qualifier & STAGE2_RESERVED) && stage2_permits(x->address, x->qualifier & STAGE2_ALL);
}

static void other_stage2(struct cpu *cpu)
{
	const struct exit *x = &cpu->exit;
	enum exec_exit exec = watch_exec_stage2(cpu);

	if (exec == EXEC_DENIED || watch_stage2(cpu))
		return;
	watch_step_on(cpu);
	if (exec == EXEC_CHANGED)
		return;
	if (stage2_is_hidden(x->address)) {
		report_refused(cpu, "Trapline's memory", "it changes nothing");
		stage2_open_scratch(cpu, x->address);
	} else if (is_old_translation(x)) {
		vendor->stage2.flush(cpu);
	} else if (x->qualifier & (STAGE2_PRESENT | STAGE2_RESERVED)) {
		fail(cpu);
	} else if (!stage2_map_late(x->address)) {
		report_refused(cpu, "an address outside of all memory maps", "it gets #GP");
		exception_raise(cpu, VEC_GP, 0);
	}
}

SLOW_PATH static void any_stage2(struct cpu *cpu)
{
	if (apic_stage2(cpu))
		return;
	other_stage2(cpu);
	if (!(cpu->work & CPU_WORK_STEP)) /* its work is measured */
		exit_measure(cpu);
}

void exit_stage2(struct cpu *cpu)
{
	if (!apic_seen_plain(cpu))
		any_stage2(cpu);
}
