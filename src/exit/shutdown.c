// SPDX-License-Identifier: MIT
#include "exit/shutdown.h"
#include "exit/capture_ask.h"
#include "exit/handlers.h"
#include "log/log.h"
#include "log/cmos.h"
#include "log/turn.h"
#include "report/fault.h"
#include "hw/asm.h"
#include "apic/park.h"
#include "apic/pause.h"
#include "report/core.h"
#include "report/report.h"
#include "log/screen.h"
#include "report/story.h"
#include "cpu/moment.h"
#include "cpu/registers.h"
#include "exit/freeze.h"
#include "guest/insn.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "blackbox/blackbox.h"
#include "trace/chain.h"
#include "trace/format.h"
#include "trace/summary.h"
#include "vendor.h"

#define RUNS_SHOWN    8
#define DYING_REPORTS 16
/* that the line gets of a triple fault: its chain has up to four records, and each has a table walk */
#define DEATH_LINES 90

/* Prints the table of recorded exceptions of all CPUs. */
static void print_summary(void)
{
	static char table[SUMMARY_MAX];
	struct trap_counts counts = {0};

	for (unsigned v = 0; v < VECTOR_COUNT; v++) {
		counts.kernel[v] = cpus_exceptions(v, false);
		counts.user[v] = cpus_exceptions(v, true);
	}
	summary_format(table, sizeof(table), &counts);
	log_print("trapline: summary\n%strapline: end of summary", table);
}

static void print_exits(void)
{
	for (unsigned k = 0; k < EXIT_KIND_COUNT; k++) {
		uint64_t n = cpus_exits(k);

		if (n)
			log_print("trapline: exits kind=%s count=%lu", exit_kind_name(k), n);
	}
}

static void report_core(struct cpu *cpu, const struct trap_record *at)
{
	struct core_kept core = core_keep(cpu, at);

	if (core.bytes)
		log_print(
			"trapline: core kept bytes=%lu cpus=%u pages=%u", core.bytes, core.cpus, core.pages);
}

static void report_end_of_run(const char *why, bool failure)
{
	turn_finish();
	print_summary();
	print_exits();
	if (freeze_not_kept())
		log_print("trapline: not kept records=%lu why=\"rings were frozen\"", freeze_not_kept());
	log_print("trapline: end of guest: %s", why);
	blackbox_seal(why, failure);
}

/* The last run's end in the black box stays the dead guest's. */
static void report_capture_end(const char *why)
{
	log_print("trapline: end of the capture kernel: %s", why);
	turn_finish();
}

void shutdown_report(const char *why, unsigned seconds)
{
	bool printed;

	if (capture_runs()) {
		report_capture_end(why);
		return;
	}
	report_begin();
	turn_finish();
	blackbox_mark();
	printed = story_tell(this_cpu(), why, false, seconds) ||
		  (seconds != SHUTDOWN_OFF && story_tell_program(this_cpu(), why));
	report_end_of_run(why, printed);
	if (!printed) {
		blackbox_unmark();
		cmos_forget();
	}
	report_end();
}

void shutdown_dying(struct cpu *cpu, const char *text)
{
	static _Atomic unsigned times;
	char why[160];

	snprintf(why, sizeof(why), "the guest said that it is dying%s%s", *text ? ": " : "", text);
	if (atomic_fetch_add(&times, 1) >= DYING_REPORTS) {
		log_line("trapline: dying again cpu=%u: %s", cpu->number, why);
		return;
	}
	report_begin();
	turn_finish();
	blackbox_mark();
	story_dying(cpu, why);
	report_core(cpu, NULL);
	blackbox_say(why);
	report_end();
}

/* Whether two records have the same guest state, so that it is printed only once. */
static bool same_state(const struct trap_record *a, const struct trap_record *b)
{
	return !memcmp(a->gpr, b->gpr, sizeof(a->gpr)) && a->rip == b->rip && a->cr3 == b->cr3 &&
	       a->rflags == b->rflags && a->cr0 == b->cr0;
}

/*
 * Prints one link of the chain. The guest executed no instruction between the first fault and the last, so the current tables and
 * stack are right for all of them.
 */
static void print_link(const struct cpu *cpu, const struct trap_record *r, const struct trap_record *before)
{
	report_trap(r);
	if (!before)
		report_backtrace(cpu, r);
	if (before && same_state(r, before)) {
		log_print("  regs and stack as above");
	} else {
		report_registers(r);
		report_stack(cpu, r);
	}
	report_walk(cpu, r);
	if (!(r->flags & (TRAP_DOUBLED | TRAP_TRIPLED))) /* an event that was not delivered used no gate */
		report_gate(cpu, r);
}

/*
 * Prints the records before the chain, the newest last. A handler that faults at its first instruction repeats that until
 * the stack is used up, and only the last fault becomes a chain. The fault for which it was called is at the start of
 * that run.
 */
static void print_before(const struct cpu *cpu, uint64_t seq)
{
	static struct trap_run runs[RUNS_SHOWN];
	unsigned n = chain_runs(&cpu->ring, seq, runs, RUNS_SHOWN);

	if (n)
		log_print("trapline: before the chain");
	while (n--) {
		report_earlier(&runs[n].first);
		if (runs[n].count > 1)
			log_print("  the same again, %lu times in a row", runs[n].count);
	}
}

static struct trap_record chain[CHAIN_MAX];

static void print_chain(const struct cpu *cpu)
{
	unsigned n = chain_collect(&cpu->ring, atomic_load(&cpu->ring.head), chain);

	for (unsigned i = 0; i < n; i++)
		print_link(cpu, &chain[i], i ? &chain[i - 1] : NULL);
	if (n)
		print_before(cpu, chain[0].seq - 1);
}

/*
 * No fault of the chain was intercepted. What is left is the CPU's state at the shutdown, which on AMD-V may be undefined
 * (APM vol. 2 15.14.3). If all exceptions are intercepted, only a machine check leads here.
 */
static void print_state(struct cpu *cpu)
{
	static struct trap_record r;

	log_print("  the CPU's own report: %s",
		boot_info.config.intercept == ~0u
			? "no exception led here; a machine check with CR4.MCE clear, or within another one, "
			  "does"
			: "intercept= in trapline.conf excludes the exceptions that led here");
	vendor->state.capture(cpu, &r);
	insn_fetch(cpu);
	r.cpu = (uint16_t)cpu->number;
	report_registers(&r);
	report_stack(cpu, &r);
}

void shutdown_reset(void)
{
	outb(0xcf9, 0x02);
	outb(0xcf9, 0x06);
	outb(0x64, 0xfe);
}

/* The CPU waits in the VMM for a debugger or the console's operator, and answers as a stopped one does, until it is asked for a capture. */
static void hold(struct cpu *cpu)
{
	static struct trap_record r;

	insn_record(cpu, &r);
	cpu_registers(cpu, &cpu->registers);
	pause_for_good(cpu, &r);
	while (!(cpu->work & CPU_WORK_CAPTURE)) {
		turn_serve(cpu);
		screen_browse();
		moment();
	}
}

/* Carries out `triple_fault` of trapline.conf. A capture kernel comes before a reset and a stop. */
static void go_on(struct cpu *cpu)
{
	bool holds = boot_info.config.triple_fault == TRIPLE_FAULT_HOLD;

	if (!holds && !capture_missing()) {
		capture_ask(cpu);
		return;
	}
	if (boot_info.config.triple_fault == TRIPLE_FAULT_RESET)
		shutdown_reset();
	log_print("trapline: cpu=%u is %s", cpu->number, holds ? "held for inspection" : "stopped");
	if (!holds)
		fault_show();
	hold(cpu);
}

static void die(struct cpu *cpu, bool recorded)
{
	unsigned links, left_out;

	report_begin();
	cpus_park();
	freeze_end(cpu);
	turn_finish();
	blackbox_mark();
	if (boot_info.config.triple_fault != TRIPLE_FAULT_RESET)
		screen_take();
	links = recorded ? chain_collect(&cpu->ring, atomic_load(&cpu->ring.head), chain) : 0;
	if (links)
		story_tell_chain(cpu, chain, links);
	if (boot_info.config.triple_fault == TRIPLE_FAULT_RESET) /* the next start prints all of it */
		log_bound(DEATH_LINES);
	log_print("trapline: triple fault cpu=%u", cpu->number);
	if (recorded)
		print_chain(cpu);
	else
		print_state(cpu);
	log_print("trapline: guest state cpu=%u", cpu->number);
	vendor->exits.dump(cpu);
	cpus_report();
	report_history(cpu);
	left_out = log_unbound();
	if (left_out)
		log_print("trapline: %u more lines of this are in the black box", left_out);
	log_print("trapline: end");
	report_core(cpu, links ? chain : NULL);
	report_end_of_run("triple fault", true);
	report_end();
	go_on(cpu);
}

void shutdown_guest(struct cpu *cpu)
{
	die(cpu, true);
}

/*
 * The CPU's own report of a shutdown. If all exceptions are intercepted the merge finds it first; this is for
 * exceptions that trapline.conf leaves out.
 */
void exit_shutdown(struct cpu *cpu)
{
	die(cpu, false);
}
