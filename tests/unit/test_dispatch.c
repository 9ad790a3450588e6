// SPDX-License-Identifier: MIT
/*
 * The event whose delivery an exit interrupted (APM vol. 2 15.7.2, SDM vol. 3C 28.2.4): it goes in again whatever the exit
 * was, once, unless the handler has merged it with another or started over. The handlers that have no part in it do nothing
 * here; those of exceptions and of interrupts are the real ones.
 */
#include "unit.h"
#include "note_site.h"
#include "lib/array.h"
#include "fake_vendor.h"
#include "record_fields.h"
#undef skip /* cmocka's */
#include <stdbool.h>
#include <string.h>
#include "exit/capture.h"
#include "exit/dispatch.h"
#include "cpu/machine_check.h"
#include "cpu/registers.h"
#include "exit/handlers.h"
#include "exit/record.h"
#include "exit/init_sipi.h"
#include "exit/work.h"
#include "apic/flush.h"
#include "report/fault.h"
#include "log/log.h"
#include "log/turn.h"
#include "apic/pause.h"
#include "exit/catch.h"
#include "exit/run.h"
#include "exit/run_stop.h"
#include "exit/watch_access.h"
#include "report/fault.h"
#include "apic/flush.h"
#include "apic/park.h"
#include "exit/freeze.h"
#include "exit/exception.h"
#include "exit/halt.h"
#include "guest/insn.h"
#include "hw/x86.h"
#include "exit/intercept.h"
#include "exit/shutdown.h"
#include "exit/watch_access.h"
#include "exit/watch_change.h"
#include "exit/watch_control.h"
#include "stage2/stage2.h"
#include "trace/vector.h"

#define RING 8
#define CR2  0x1234000ull
#define NOP  0x90

struct boot_info boot_info;
struct cpu *cpus[BOOT_MAX_CPUS];
_Atomic uint32_t cpus_active;

struct cpu *cpu_of_stack(uint64_t address)
{
	static struct cpu any;

	return cpus[0] ? cpus[0] : &any;
}
uint64_t turn_polled;
struct log_limits log_limits = {.most = PRINT_QUEUE};
const struct vendor *vendor;

static struct cpu cpu;
static struct exit_entry exits[4];
static struct trap_record records[RING];
static struct reserve reserve;
static struct event injected;
static uint64_t injected_cr2;
static unsigned injections, interrupts, nmis, shutdowns, skipped;
static unsigned nmi_tries;
static unsigned number;                 /* of the CPU */
static const struct event *recorded_is; /* the CPU's newest record, at the exit; NULL: none */
static bool flush_due, nmi_goes_in, raises, nmi_while_held, mc_meanwhile;

static const struct event interrupt = {.valid = true, .vector = 0x41, .type = TRAP_TYPE_EXTINT};
static const struct event page_fault = {
	.valid = true, .vector = VEC_PF, .type = TRAP_TYPE_EXCEPTION, .has_error = true, .error = 2};

void cpu_registers(struct cpu *c, struct core_registers *r)
{
}

static void inject(struct cpu *c, const struct event *e, uint64_t cr2)
{
	injections++;
	injected = *e;
	injected_cr2 = cr2;
}

static uint64_t cr4 = CR4_MCE;

static uint64_t get(const struct cpu *c, enum guest_register r)
{
	switch (r) {
	case GUEST_CR2:
		return CR2;
	case GUEST_CR4:
		return cr4;
	case GUEST_EVENT:
		return injections;
	default:
		return fake_get(c, r);
	}
}

#define STACK 0xffffc90000001000ull

/* What both vendors fill in. */
static void capture(struct cpu *c, struct trap_record *r)
{
	memset(&r->rip, 0, offsetof(struct trap_record, error_code) - offsetof(struct trap_record, rip));
	r->cs = 0;
	r->privilege = 0;
	r->mode = 64;
	r->gpr[TRAP_RSP] = STACK;
}

static unsigned stack_reads;

/* Of the stack there is half of what is asked for. */
unsigned guest_read(const struct guest_paging *p, uint64_t linear, void *to, unsigned n)
{
	assert_int_equal(linear, STACK);
	stack_reads++;
	memset(to, 0x5a, n / 2);
	return n / 2;
}

static void take_interrupt(struct cpu *c)
{
	interrupts++;
	c->host_interrupt_valid = true;
	c->host_interrupt = 0x50;
}

/* As both vendors: not in front of what goes in already. */
static bool inject_nmi(struct cpu *c)
{
	nmi_tries++;
	nmi_goes_in = !injections;
	return nmi_goes_in;
}

static void take_nmi(struct cpu *c)
{
	nmis++;
	c->nmi_pending = true;
	cpu_add_work(c, CPU_WORK_NMI);
}

void watch_step_drop(struct cpu *c)
{
}

static unsigned begun;
static bool is_over; /* the step, at this exit */

void run_step_over(struct cpu *c)
{
	if (is_over)
		cpu_end_work(c, CPU_WORK_STEP);
}

void run_ask(struct cpu *c)
{
	cpu_add_work(c, CPU_WORK_STEP);
}

void watch_step_begin(struct cpu *c)
{
	begun++;
}

static unsigned commands, parts; /* looks for other CPUs' commands, and parts of thaws */

/* The INIT has dropped the step. */
void init_sipi_serve(struct cpu *c)
{
	cpu_end_work(c, CPU_WORK_KICK | CPU_WORK_STEP);
	commands++;
}

static unsigned stops;

void run_stop(struct cpu *c, enum run_stop why)
{
	assert_int_equal(why, RUN_EXCEPTION);
	stops++;
}

void freeze_serve(struct cpu *c)
{
}

/* There is more. */
void freeze_go_on(struct cpu *c)
{
	parts++;
}

static void nothing(struct cpu *c)
{
}

static void own(struct cpu *c)
{
	if (c->exit.kind == EXIT_NMI)
		take_nmi(c);
	else if (raises)
		exception_raise(c, VEC_GP, 0);
	else
		cpu_add_work(c, CPU_WORK_CONSOLE);
}

static bool watched;

static unsigned taken;

static void watch(struct cpu *c, enum watched what, bool on)
{
	if (what == WATCH_INTERRUPTS)
		watched = on;
	if (what != WATCH_ENTRY)
		return;
	assert_true(on && c->work & CPU_WORK_MC);
	taken++;
}

bool machine_check_is_guests(uint64_t guest_cr4)
{
	return guest_cr4 & CR4_MCE;
}

FAKE_VENDOR(fake, .state.get = get, .state.capture = capture, .events.inject = inject,
	.events.take_interrupt = take_interrupt, .events.inject_nmi = inject_nmi, .exits.watch = watch,
	.exits.own = own);

/* What else has no part in it. */
#define NOTHING(X)                                                                                           \
	X(capture_start)                                                                                     \
	X(intercept_serve)                                                                                   \
	X(watch_open_close)                                                                                  \
	X(exit_debug_register)                                                                               \
	X(exit_table_register)                                                                               \
	X(watch_change_serve)                                                                                \
	X(halt_over)                                                                                         \
	X(cpu_park_if_asked)                                                                                 \
	X(turn_poll_now)
#define X(name)                                                                                              \
	void name(struct cpu *c)                                                                             \
	{                                                                                                    \
	}
NOTHING(X)
#undef X

static unsigned flushes;

void flush_serve(struct cpu *c)
{
	flushes++;
	atomic_store(&c->flush_due, false);
}

void cpu_kick(struct cpu *c)
{
}

void cpu_kick_others(const struct cpu *c)
{
}

static unsigned served;

void turn_serve(struct cpu *c)
{
	served++;
	if (mc_meanwhile)
		cpu_add_work(c, CPU_WORK_MC);
	if (nmi_while_held && pause_has(c)) {
		take_nmi(c);
		pause_end();
	}
}

/* The handlers of all kinds but those that are the real ones here. Most have no part in it. */
__attribute__((used)) static void handle(struct cpu *c)
{
	if (c->exit.kind == EXIT_SHUTDOWN)
		shutdowns++;
	else if (c->exit.kind == EXIT_VIRTUALIZATION)
		exception_raise(c, VEC_UD, 0);
}

/* A weak one keeps the linker from taking the real one out of the archive: interrupt.c is not asked for in another way. */
#define exit_interrupt                exit_interrupt_unused
#define WEAK(handler)                 __asm__(".weak " #handler "\n.set " #handler ", handle");
#define EXIT_KIND(k, n, handler, ...) WEAK(handler)
#include "cpu/exit_kinds.def"

static jmp_buf after_shutdown;

void shutdown_guest(struct cpu *c)
{
	shutdowns++;
	longjmp(after_shutdown, 1);
}

void log_line(const char *fmt, ...)
{
}

bool stage2_close_scratch(struct cpu *c)
{
	return false;
}

void flush_changed(struct cpu *c)
{
}

bool flush_is_missed(const struct cpu *c)
{
	return false;
}

void fault_fatal(struct cpu *c, const char *fmt, ...)
{
	fail();
	longjmp(after_shutdown, 1);
}

static void go_past(struct cpu *c, void *state)
{
	skipped++;
}

/* An exit of a kind that found `during` under delivery, by the vendor's rule: valid, and work to do. */
static void run(enum exit_kind kind, const struct event *during, const struct event *event)
{
	memset(&cpu, 0, sizeof(cpu));
	history_init(&cpu.history, exits, ARRAY_SIZE(exits));
	ring_init(&cpu.ring, records, RING);
	memset(&reserve, 0, sizeof(reserve));
	cpu.reserve = &reserve;
	cpu.writing = &cpu.ring;
	cpu.number = number;
	if (recorded_is) {
		cpu.recorded_vector = recorded_is->vector;
		cpu.recorded_type = recorded_is->type;
	}
	vendor = &fake;
	boot_info.config.intercept = ~0u;
	injections = interrupts = nmis = nmi_tries = shutdowns = skipped = 0;
	cpu.poll_mask = ~0u;
	exit_begin(&cpu.exit);
	memset(cpu.exit.code, NOP, sizeof(cpu.exit.code));
	cpu.exit.code_len = TRAP_CODE_MAX;
	cpu.exit.kind = kind;
	if (event)
		cpu.exit.event = *event;
	if (during) {
		cpu.exit.during = *during;
		cpu_add_work(&cpu, CPU_WORK_EVENT);
	}
	cpu.flush_due = flush_due;
	if (nmi_while_held)
		pause_begin(&cpu);
	if (mc_meanwhile)
		cpu_add_work(&cpu, CPU_WORK_CONSOLE);
	exit_dispatch(&cpu, NULL, go_past);
	exit_end(&cpu, nothing);
}

static bool merges(enum exit_kind kind)
{
	return kind == EXIT_EXCEPTION || kind == EXIT_SHUTDOWN;
}

static void every_kind(void **state)
{
	for (unsigned kind = 0; kind < EXIT_KIND_COUNT; kind++) {
		if (merges(kind))
			continue;
		run(kind, &interrupt, NULL);
		if (kind == EXIT_UNKNOWN ||
			kind == EXIT_VIRTUALIZATION) { /* they raise #UD, which is merged */
			assert_int_equal(injected.vector, VEC_UD);
		} else {
			assert_memory_equal(&injected, &interrupt, sizeof(interrupt));
			assert_int_equal(injected_cr2, CR2);
		}
		assert_int_equal(injections, 1);
		assert_int_equal(cpu.work & CPU_WORK_EVENT, 0);
	}
}

static void no_event(void **state)
{
	for (unsigned kind = 0; kind < EXIT_KIND_COUNT; kind++) {
		if (merges(kind) || kind == EXIT_UNKNOWN || kind == EXIT_VIRTUALIZATION ||
			kind == EXIT_INTERRUPT || kind == EXIT_INTERRUPT_WINDOW)
			continue;
		run(kind, NULL, NULL);
		assert_int_equal(injections, 0);
	}
}

/* An interrupt that exits meanwhile stays with the interrupt controller; with nothing under delivery it is taken. */
static void interrupt_waits(void **state)
{
	run(EXIT_INTERRUPT, &page_fault, NULL);
	assert_int_equal(interrupts, 0);
	assert_memory_equal(&injected, &page_fault, sizeof(page_fault));
	run(EXIT_INTERRUPT, NULL, NULL);
	assert_int_equal(interrupts, 1);
	assert_int_equal(injected.vector, 0x50);
}

static void nmi_waits(void **state)
{
	run(EXIT_NMI, &page_fault, NULL);
	assert_int_equal(nmis, 1);
	assert_false(nmi_goes_in);
	assert_true(cpu.nmi_pending);
	assert_memory_equal(&injected, &page_fault, sizeof(page_fault));
}

/* AMD-V lets one in while the VMM waits (15.17): it goes in with this entry, or stays behind the one that waits already. */
static void nmi_in_a_wait(void **state)
{
	nmi_while_held = true;
	run(EXIT_TASK_SWITCH, NULL, NULL);
	assert_true(nmi_goes_in);
	assert_false(cpu.nmi_pending);
	run(EXIT_NMI, &page_fault, NULL);
	nmi_while_held = false;
	assert_int_equal(nmi_tries, 1);
	assert_true(cpu.nmi_pending);
}

/* With its APIC off no kick comes. */
static void flush_without_kick(void **state)
{
	flushes = 0;
	run(EXIT_TASK_SWITCH, NULL, NULL);
	assert_int_equal(flushes, 0);
	flush_due = true;
	run(EXIT_TASK_SWITCH, NULL, NULL);
	flush_due = false;
	assert_int_equal(flushes, 1);
}

/* A machine check of the VMM's time goes in once, and never in the place of another event. */
static void machine_check(void **state)
{
	mc_meanwhile = true;
	run(EXIT_TASK_SWITCH, NULL, NULL);
	assert_int_equal(injections, 1);
	assert_int_equal(injected.vector, VEC_MC);
	assert_false(injected.has_error);
	assert_false(cpu.work & CPU_WORK_MC);
	run(EXIT_TASK_SWITCH, &page_fault, NULL);
	mc_meanwhile = false;
	assert_int_equal(injections, 1);
	assert_memory_equal(&injected, &page_fault, sizeof(page_fault));
	assert_true(cpu.work & CPU_WORK_MC);
	assert_true(watched);
}

/* It may come behind the last look at the work: the vendor sees to another exit. */
static void machine_check_noted(void **state)
{
	struct cpu on = {.vendor = &on}, early = {0};

	taken = 0;
	assert_false(exit_note_machine_check(&early)); /* the CPU has no guest yet */
	assert_int_equal(taken, 0);
	assert_true(exit_note_machine_check(&on));
	assert_int_equal(taken, 1);
	cr4 = 0;
	assert_false(exit_note_machine_check(&on));
	cr4 = CR4_MCE;
	assert_int_equal(taken, 1);
}

/* Its handler is gone: a CPU would shut down, but the guest is another one by now. */
static void machine_check_too_late(void **state)
{
	mc_meanwhile = true;
	cr4 = 0;
	run(EXIT_TASK_SWITCH, NULL, NULL);
	cr4 = CR4_MCE;
	mc_meanwhile = false;
	assert_int_equal(injections, 0);
	assert_false(cpu.work & CPU_WORK_MC);
}

/* One of the two, or a third: SDM vol. 3A table 6-5. */
static void merged(void **state)
{
	static const struct event gp = {
		.valid = true, .vector = VEC_GP, .type = TRAP_TYPE_EXCEPTION, .has_error = true};
	static const struct event df = {
		.valid = true, .vector = VEC_DF, .type = TRAP_TYPE_EXCEPTION, .has_error = true};

	run(EXIT_EXCEPTION, &interrupt, &gp);
	assert_int_equal(injections, 1);
	assert_int_equal(injected.vector, VEC_GP);
	run(EXIT_EXCEPTION, &page_fault, &gp);
	assert_int_equal(injections, 1);
	assert_int_equal(injected.vector, VEC_DF);
	if (!setjmp(after_shutdown))
		run(EXIT_EXCEPTION, &df, &gp);
	assert_int_equal(injections, 0);
	assert_int_equal(shutdowns, 1);
}

/* What a handler raises by itself is merged all the same. */
static void raised(void **state)
{
	raises = true;
	run(EXIT_TASK_SWITCH, &page_fault, NULL);
	assert_int_equal(injections, 1);
	assert_int_equal(injected.vector, VEC_DF);
	run(EXIT_TASK_SWITCH, NULL, NULL);
	raises = false;
	assert_int_equal(injections, 1);
	assert_int_equal(injected.vector, VEC_GP);
}

/* A CPU that is to wait for its SIPI does so at once, whatever else there is to do. */
static void parked(void **state)
{
	memset(&cpu, 0, sizeof(cpu));
	history_init(&cpu.history, exits, ARRAY_SIZE(exits));
	cpu.work = CPU_WORK_CONSOLE | CPU_WORK_KICK;
	served = 0;
	cpu.waits_for_sipi = true;
	exit_after_work(&cpu);
	assert_int_equal(served, 0);
	assert_int_equal(cpu.work, CPU_WORK_CONSOLE | CPU_WORK_KICK);
	cpu.waits_for_sipi = false;
	exit_after_work(&cpu);
	assert_int_equal(served, 1);
}

/* An exit moves one part of a thaw, and no command of another CPU is looked for. */
static void thaws(void **state)
{
	commands = parts = 0;
	cpu.work = CPU_WORK_THAW;
	exit_after_work(&cpu);
	assert_int_equal(parts, 1);
	assert_int_equal(commands, 0);
	cpu.work = 0;
}

/* The debugger's order outlives an INIT: the step begins anew after the SIPI. Without an order none begins. */
static void steps_after_init(void **state)
{
	for (unsigned steps = 0; steps < 2; steps++) {
		begun = 0;
		cpu.run.steps = steps;
		cpu.work = CPU_WORK_KICK | CPU_WORK_STEP;
		exit_after_work(&cpu);
		assert_int_equal(begun, steps);
		assert_int_equal(cpu.work & CPU_WORK_STEP, steps ? CPU_WORK_STEP : 0);
	}
	cpu.run.steps = false;
}

/* The exits of a watch's step: the console has its turn behind the step, and other work is not left out for it. */
static void steps_of_watches(void **state)
{
	static const struct {
		uint32_t work;
		bool over, flush;
		unsigned begun, served, flushes;
	} rows[] = {
		{0, false, false, 1, 0, 0},
		{CPU_WORK_CONSOLE, false, false, 1, 0, 0},
		{CPU_WORK_CONSOLE, true, false, 0, 1, 0},
		{0, true, false, 0, 0, 0},
		{0, false, true, 1, 0, 1},
		{CPU_WORK_CONSOLE, true, true, 0, 1, 1},
		{CPU_WORK_KICK, true, false, 0, 0, 0},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		is_over = rows[i].over;
		begun = served = flushes = 0;
		cpu.work = CPU_WORK_STEP | rows[i].work;
		cpu.flush_due = rows[i].flush;
		exit_after_work(&cpu);
		assert_int_equal(begun, rows[i].begun);
		assert_true(rows[i].work & CPU_WORK_KICK || served == rows[i].served);
		assert_int_equal(flushes, rows[i].flushes);
		assert_int_equal(cpu.work & (CPU_WORK_KICK | CPU_WORK_STEP), is_over ? 0 : CPU_WORK_STEP);
	}
	is_over = false;
	cpu.work = 0;
}

/* With the first record of what matters the top of the stack is kept, and with no other. */
static void keeps_stack(void **state)
{
	static const struct event ud = {.valid = true, .vector = VEC_UD, .type = TRAP_TYPE_EXCEPTION},
				  nm = {.valid = true, .vector = VEC_NM, .type = TRAP_TYPE_EXCEPTION};
	const struct saved_stack *stack;
	struct trap_record again;

	stack_reads = 0;
	run(EXIT_EXCEPTION, NULL, &nm);
	assert_int_equal(stack_reads, 0);
	run(EXIT_EXCEPTION, NULL, &ud);
	assert_int_equal(stack_reads, 1);
	stack = sites_stack(&reserve.sites, &records[1]);
	assert_non_null(stack);
	assert_int_equal(stack->linear, STACK);
	assert_int_equal(stack->bytes, STACK_SAVED_MAX / 2);
	assert_int_equal(stack->at[STACK_SAVED_MAX / 2 - 1], 0x5a);
	again = records[1];
	again.seq = 2;
	assert_null(note_site(&reserve.sites, &again));
	assert_null(sites_stack(&reserve.sites, &again));
}

/* Nothing of the record that was in the slot before is left. */
static void see_event(const struct event *during, const struct event *e)
{
	struct trap_record over_zeroes;

	for (unsigned fill = 0; fill < 2; fill++) {
		memset(records, fill ? 0xff : 0, sizeof(records));
		run(EXIT_EXCEPTION, during, e);
		if (!fill)
			over_zeroes = records[1];
	}
	over_zeroes.tsc = records[1].tsc;
	assert_memory_equal(&over_zeroes, &records[1], sizeof(over_zeroes));
	see_record(&records[1]);
}

/* A field that nobody fills in is found here, unless the vendors' capture() fills it in: test_svm_state.c, test_vmx_state.c. */
static void record_is_whole(void **state)
{
	static const struct event gp = {.valid = true,
		.vector = VEC_GP,
		.type = TRAP_TYPE_EXCEPTION,
		.has_error = true,
		.error = 0x18};
	static const struct event db = {.valid = true, .vector = VEC_DB, .type = TRAP_TYPE_EXCEPTION};

	number = 5;
	recorded_is = &page_fault;
	see_event(NULL, &db);
	see_event(&interrupt, &page_fault);
	see_event(&page_fault, &gp); /* the #GP, which is merged */
	number = 0;
	recorded_is = NULL;
	expect_all_fields(false);
	assert_int_equal(ones_seen.flags, (uint8_t) ~(TRAP_SYNTHESIZED | TRAP_TRIPLED));
}

/* INT 13 is no #GP, though it raises one at the same place when its gate is not the caller's: no count and no site has it. */
static void software_is_no_exception(void **state)
{
	static const struct event int13 = {.valid = true, .vector = VEC_GP, .type = TRAP_TYPE_SOFTINT},
				  gp = {.valid = true, .vector = VEC_GP, .type = TRAP_TYPE_EXCEPTION};

	run(EXIT_EXCEPTION, NULL, &int13);
	assert_int_equal(cpu.ring.head, 1);
	assert_int_equal(cpu.recorded_type, TRAP_TYPE_SOFTINT);
	assert_int_equal(cpu.stats.vectors[VEC_GP][0], 0);
	stack_reads = 0;
	cpu.exit.event = gp;
	exit_dispatch(&cpu, NULL, go_past);
	exit_end(&cpu, nothing);
	assert_int_equal(cpu.ring.head, 2);
	assert_int_equal(cpu.stats.vectors[VEC_GP][0], 1);
	assert_int_equal(stack_reads, 1);
}

/* A mark is printed, whatever is; the vector that its record names has no part in it. */
static void mark(void **state)
{
	struct trap_record *r;

	run(EXIT_TASK_SWITCH, NULL, NULL);
	boot_info.config.print.vectors = 0;
	for (unsigned n = 1; n <= RING; n++) {
		assert_int_equal(cpu.noted, 0);
		r = record_begin(&cpu);
		r->type = TRAP_TYPE_MARK;
		record_other(&cpu, r);
		assert_int_equal(cpu.print.head, n);
	}
	assert_int_equal(cpu.noted, ~0u); /* the ring has turned */
	assert_int_equal(cpu.recorded_type, TRAP_TYPE_MARK);
	assert_int_equal(reserve.count[0], 0);
	assert_int_equal(cpu.stats.vectors[0][0], 0);
}

static void raise_ud(uint64_t tsc)
{
	struct trap_record *r = record_begin(&cpu);

	r->type = TRAP_TYPE_EXCEPTION;
	r->vector = VEC_UD;
	r->tsc = tsc;
	r->seq = 1;
	record_after(&cpu, r);
}

/* A flood of a printed vector: a burst is queued. What is beyond the rate is counted, and gives the exits no work. */
static void flood(void **state)
{
	run(EXIT_TASK_SWITCH, NULL, NULL);
	boot_info.tsc_khz = 1;
	boot_info.config.print.vectors = ~0u;
	atomic_store(&log_limits.most, 4);
	for (unsigned n = 0; n < 10; n++)
		raise_ud(5000);
	assert_int_equal(cpu.print.head, 4);
	assert_int_equal(cpu.print.limited[VEC_UD], 6);
	assert_int_equal(cpu.print.all_limited, 6);
	atomic_store(&log_limits.most, PRINT_QUEUE);
	atomic_store(&log_limits.quiet[VEC_UD], 5500);
	cpu.work = 0;
	raise_ud(5499);
	assert_int_equal(cpu.print.limited[VEC_UD], 7);
	assert_int_equal(cpu.work, 0);
	raise_ud(5500);
	raise_ud(4000); /* the guest has set its TSC back */
	assert_int_equal(cpu.print.head, 6);
	assert_int_equal(cpu.print.limited[VEC_UD], 7);
	atomic_store(&log_limits.quiet[VEC_UD], 0);
}

/* In such a flood the first record of a site is queued nevertheless, at a rate of its own. It does not count for its vector's. */
static void new_site_in_flood(void **state)
{
	run(EXIT_TASK_SWITCH, NULL, NULL);
	boot_info.tsc_khz = 1;
	boot_info.config.print.vectors = ~0u;
	atomic_store(&log_limits.most, 1);
	atomic_store(&log_limits.quiet[VEC_UD], 5500);
	raise_ud(5499);
	assert_int_equal(cpu.print.head, 0);
	cpu.new_site = 1;
	raise_ud(5499);
	assert_int_equal(cpu.print.head, 1);
	assert_int_equal(cpu.print.entry[0], 1 | (uint64_t)PRINT_NEW_SITE << PRINT_SEQ_BITS);
	raise_ud(5499); /* their burst is over */
	assert_int_equal(cpu.print.head, 1);
	atomic_store(&log_limits.most, PRINT_QUEUE);
	atomic_store(&log_limits.quiet[PRINT_NEW_SITE], 5500);
	raise_ud(5499);
	assert_int_equal(cpu.print.head, 1);
	assert_int_equal(cpu.print.limited[VEC_UD], 3);
	assert_int_equal(cpu.print.put[VEC_UD], 0);
	atomic_store(&log_limits.quiet[PRINT_NEW_SITE], 0);
	atomic_store(&log_limits.quiet[VEC_UD], 0);
	cpu.new_site = 0;
}

/* An exception that matches stops its CPU each time, whether or not it is printed, and even after the reserve is full. */
static void caught(void **state)
{
	struct filter f;
	char words[] = "cpl=0";
	const char *bad;

	run(EXIT_TASK_SWITCH, NULL, NULL);
	boot_info.config.print.vectors = 0;
	filter_init(&f, 1u << VEC_UD);
	assert_null(filter_parse(&f, words, &bad));
	catch_set(&f);
	atomic_store(&cpu.noted, ~0u);
	stops = 0;
	for (unsigned n = 0; n < 2 * RESERVE_RECORDS; n++)
		raise_ud(n);
	assert_int_equal(stops, 2 * RESERVE_RECORDS);
	assert_true(cpu.noted >> VEC_UD & 1);
	assert_int_equal(cpu.run.vector, VEC_UD);
	filter_init(&f, 1u << VEC_GP);
	catch_set(&f);
	raise_ud(0);
	catch_set(NULL);
	raise_ud(0);
	assert_int_equal(stops, 2 * RESERVE_RECORDS);
	boot_info.config.print.vectors = ~0u;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind),
		cmocka_unit_test(no_event),
		cmocka_unit_test(caught),
		cmocka_unit_test(interrupt_waits),
		cmocka_unit_test(nmi_waits),
		cmocka_unit_test(nmi_in_a_wait),
		cmocka_unit_test(flush_without_kick),
		cmocka_unit_test(machine_check),
		cmocka_unit_test(machine_check_noted),
		cmocka_unit_test(machine_check_too_late),
		cmocka_unit_test(merged),
		cmocka_unit_test(raised),
		cmocka_unit_test(parked),
		cmocka_unit_test(thaws),
		cmocka_unit_test(steps_after_init),
		cmocka_unit_test(steps_of_watches),
		cmocka_unit_test(keeps_stack),
		cmocka_unit_test(record_is_whole),
		cmocka_unit_test(software_is_no_exception),
		cmocka_unit_test(mark),
		cmocka_unit_test(flood),
		cmocka_unit_test(new_site_in_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
