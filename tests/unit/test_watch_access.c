// SPDX-License-Identifier: MIT
/* What a step over a watched access tells, and what it does not: exits between two instructions, and the INIT that ends it. */
#include "unit.h"
#include <string.h>
#include "fake_vendor.h"
#undef skip /* cmocka's */
#include "mem/guest_ram.h"
#include "exit/exception.h"
#include "exit/handlers.h"
#include "apic/flush.h"
#include "apic/pause.h"
#include "exit/run.h"
#include "exit/run_stop.h"
#include "exit/watch_access.h"
#include "exit/watch_hit.h"
#include "exit/watch_piece.h"
#include "guest/insn.h"
#include "mem/pool.h"
#include "stage2/private.h"
#include "stage2/spare.h"
#include "stage2/stage2.h"
#include "stage2/taken.h"

#define PAGE 0x2000ull
#define RIP  (PAGE + 0x10)

struct boot_info boot_info;
struct fake_ram fake_ram;
static struct cpu cpu0;
static struct cpu cpu1;
struct cpu *cpus[BOOT_MAX_CPUS] = {&cpu0, &cpu1};
static struct stage2_private private = {.fetches = true};
static struct watch watched;
static struct watch_piece piece;
static unsigned hits, closed, steps, denied, moves, entries;
static uint64_t rip;

static uint64_t get(const struct cpu *c, enum guest_register r)
{
	return r == GUEST_RIP ? rip : fake_get(c, r);
}

static void watch(struct cpu *c, enum watched what, bool on)
{
	assert_int_equal(what, WATCH_STEP);
	steps = on ? steps + 1 : 0;
}

FAKE_VENDOR(fake, .state.get = get, .exits.watch = watch);
const struct vendor *vendor = &fake;

static unsigned pages_left = 1, spares;

uint64_t spare_take(uint64_t pages)
{
	static uint8_t memory[2][PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
	static unsigned taken;

	if (!pages_left)
		return 0;
	pages_left--;
	return pool_phys(memory[taken++ % 2]);
}

uint64_t spare_count(void)
{
	return spares;
}

static uint64_t pool = STAGE2_RESERVE;

uint64_t pool_left(void)
{
	return pool;
}

unsigned stage2_taken(uint64_t gpa)
{
	return piece.access;
}

void private_open(struct cpu *c, uint64_t gpa, unsigned right)
{
}

void private_refresh(struct cpu *c)
{
}

void private_close(struct cpu *c)
{
	closed++;
}

const struct watch_piece *watch_piece_in(uint64_t gpa, unsigned from, unsigned *n)
{
	static struct watch_piece entry;

	*n = from;
	entry = (struct watch_piece){.first = PAGE + 8 * from,
		.last = PAGE + 8 * from + 7,
		.access = WATCH_WRITE,
		.is_entry = true};
	return from < entries ? &entry : from == entries ? &piece : NULL;
}

/* Whether the first entry is another one, as the pieces tell it. */
bool watch_pieces_moved(void)
{
	uint64_t now;

	memcpy(&now, fake_ram.bytes + PAGE, sizeof(now));
	moves += now != 0x5003;
	return now != 0x5003;
}

void watch_hit_begin(struct cpu *c, struct trap_record *r)
{
	memset(r, 0, sizeof(*r));
	r->rip = rip;
}

void watch_hit_end(struct cpu *c, struct watch *w, uint32_t generation, struct trap_record *r)
{
	hits++;
}

void watch_hit_values(struct trap_record *r, uint64_t old, uint64_t new)
{
}

void watch_hit_break(struct cpu *c, struct watch *w, uint32_t generation)
{
	assert_ptr_equal(w, &watched);
	run_stop(c, RUN_BREAKPOINT);
}

_Atomic uint32_t pause_asked;

void pause_begin(struct cpu *c)
{
	pause_asked = true;
}

bool private_reserve(void)
{
	return true;
}

void flush_hold(struct cpu *c)
{
}

void flush_release(struct cpu *c, bool changed)
{
}

void exception_raise(struct cpu *c, uint8_t vector, uint32_t error)
{
	denied++;
}

bool guest_translate(const struct guest_paging *p, uint64_t linear, uint64_t *physical)
{
	*physical = linear;
	return true;
}

static int begin(void **state)
{
	memset(&cpu0, 0, sizeof(cpu0));
	boot_info.cpus = 1;
	cpu0.private_tables = &private;
	pages_left = 1;
	assert_true(watch_access_reserve());
	memset(cpu0.watching, 0, PAGE_SIZE);
	piece = (struct watch_piece){
		.first = RIP, .last = RIP, .watch = &watched, .access = WATCH_EXECUTE, .generation = 1};
	hits = closed = steps = denied = moves = entries = 0;
	pause_asked = false;
	rip = RIP;
	return 0;
}

/* An access that second-level paging refuses because of a watch. */
static void refused(uint64_t address, unsigned right)
{
	exit_begin(&cpu0.exit);
	cpu0.exit.kind = EXIT_STAGE2;
	cpu0.exit.address = address;
	cpu0.exit.qualifier = right;
	assert_true(watch_stage2(&cpu0));
}

/* The guest accesses the page, and the step over the access begins. */
static void access(unsigned right)
{
	refused(RIP, right);
	watch_step_begin(&cpu0);
	assert_true(cpu0.work & CPU_WORK_STEP);
	assert_int_equal(steps, 1);
	assert_int_equal(denied, 0);
}

static void exits_for(enum exit_kind kind)
{
	exit_begin(&cpu0.exit);
	cpu0.exit.kind = kind;
	watch_step_over(&cpu0);
	assert_int_equal(cpu0.work & CPU_WORK_STEP, 0);
	assert_int_equal(steps, 0);
}

/* The instruction has not begun, and exits anew: it is told then. */
static void between(void **state)
{
	static const enum exit_kind kinds[] = {EXIT_INTERRUPT, EXIT_NMI, EXIT_INIT, EXIT_SMI};

	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		access(STAGE2_FETCH);
		exits_for(kinds[i]);
		assert_int_equal(hits, 0);
	}
	access(STAGE2_FETCH);
	rip++;
	exits_for(EXIT_STEP);
	assert_int_equal(hits, 1);
}

/* INIT in the exit of the access, and at the exit after it: nothing is told, and the next access is a step of its own. */
static void dropped(void **state)
{
	access(STAGE2_FETCH);
	exit_begin(&cpu0.exit);
	cpu0.exit.kind = EXIT_INIT;
	watch_step_drop(&cpu0);
	assert_int_equal(cpu0.work & CPU_WORK_STEP, 0);
	assert_int_equal(closed, 1);
	assert_int_equal(steps, 0);
	rip = RIP + 5; /* the reset vector's instruction, in the same page */
	piece.first = piece.last = rip;
	access(STAGE2_FETCH);
	exits_for(EXIT_INTERRUPT);
	assert_int_equal(hits, 0);
	watch_step_drop(&cpu0); /* none */
	assert_int_equal(closed, 2);
}

/* The CPU leaves a stop with the order to step. */
static void order_step(void)
{
	pause_asked = false;
	cpu0.run.stop = RUN_NOT;
	cpu0.run.steps = true;
	assert_true(run_prepare(&cpu0));
	run_ask(&cpu0);
	assert_true(cpu0.work & CPU_WORK_STEP);
	watch_step_begin(&cpu0);
	assert_true(cpu0.run.holds);
}

static void has_stepped(enum run_stop why)
{
	assert_int_equal(cpu0.work & CPU_WORK_STEP, 0);
	assert_int_equal(cpu0.run.stop, why);
	assert_int_equal(pause_asked, why != RUN_NOT);
	assert_false(cpu0.run.holds || cpu0.run.steps);
}

static void exit_of(enum exit_kind kind)
{
	exit_begin(&cpu0.exit);
	cpu0.exit.kind = kind;
	run_step_over(&cpu0);
}

/* An instruction, one that exits and is carried out, and one that faults: its handler's first instruction ends the step. */
static void debugger_steps(void **state)
{
	order_step();
	cpu0.stepped = true;
	exit_of(EXIT_STEP);
	has_stepped(RUN_STEPPED);
	order_step();
	rip += 2;
	exit_of(EXIT_CPUID);
	has_stepped(RUN_STEPPED);
	order_step();
	exit_of(EXIT_EXCEPTION);
	assert_true(cpu0.work & CPU_WORK_STEP);
	watch_step_begin(&cpu0);
	private.fetches = false; /* the delivery */
	refused(0, STAGE2_FETCH);
	private.fetches = true;
	run_step_over(&cpu0);
	has_stepped(RUN_STEPPED);
}

/* An interrupt that the vendor leaves to the guest goes first. If it was withdrawn meanwhile, the step is still to come. */
static void admits_interrupt(void **state)
{
	for (unsigned comes = 0; comes < 2; comes++) {
		order_step();
		exit_of(EXIT_INTERRUPT);
		assert_true(cpu0.work & CPU_WORK_STEP && cpu0.run.admits);
		watch_step_begin(&cpu0);
		private.fetches = false;
		rip += comes;
		refused(0, STAGE2_FETCH);
		private.fetches = true;
		run_step_over(&cpu0);
		assert_false(cpu0.run.admits);
		assert_int_equal(cpu0.run.steps, !comes);
	}
	has_stepped(RUN_STEPPED);
}

/* What comes between instructions does not end a step, unless all CPUs have to stop. */
static void debugger_steps_on(void **state)
{
	order_step();
	exit_of(EXIT_NMI);
	assert_true(cpu0.work & CPU_WORK_STEP && cpu0.run.steps);
	pause_asked = true;
	exit_of(EXIT_NMI);
	assert_int_equal(cpu0.work & CPU_WORK_STEP, 0);
	assert_int_equal(cpu0.run.stop, RUN_NOT);
}

/* Memory for the first CPU only: the second one does not step. What is kept for the guest is not taken. */
static void has_room_for_all(void **state)
{
	boot_info.cpus = 2;
	cpu1 = (struct cpu){.number = 1, .private_tables = &private};
	pages_left = 0;
	assert_false(run_prepare(&cpu0));
	pages_left = 1;
	pool = STAGE2_RESERVE - PAGE_SIZE;
	assert_false(run_prepare(&cpu0));
	assert_null(cpu1.watching);
	spares = 1;
	assert_true(run_prepare(&cpu0));
	assert_non_null(cpu1.watching);
	assert_ptr_not_equal(cpu1.watching, cpu0.watching);
	pages_left = spares = 0;
	assert_true(run_prepare(&cpu0));
	pool = STAGE2_RESERVE;
}

/* A stop, or an INIT, drops the step, and with it what it had the CPU do. The order stays: the step is to come. */
static void drops_debuggers(void **state)
{
	order_step();
	exit_of(EXIT_INTERRUPT);
	assert_true(cpu0.run.holds && cpu0.run.admits);
	watch_step_drop(&cpu0);
	assert_false(cpu0.run.holds || cpu0.run.admits);
	assert_true(cpu0.run.steps);
	cpu0.run.admits = true; /* also if the step was not asked for anew */
	watch_step_drop(&cpu0);
	assert_false(cpu0.run.admits);
	run_ask(&cpu0);
	assert_true(cpu0.work & CPU_WORK_STEP && cpu0.run.holds);
	run_ask(&cpu0); /* it is under way */
	watch_step_begin(&cpu0);
	cpu0.stepped = true;
	exit_of(EXIT_STEP);
	has_stepped(RUN_STEPPED);
}

/* The instruction of a breakpoint is not executed; its neighbours are, without a hit, and also within a step. */
static void breakpoint(void **state)
{
	piece.action = WATCH_BREAK;
	refused(RIP, STAGE2_FETCH);
	has_stepped(RUN_BREAKPOINT);
	assert_int_equal(closed, 0);
	rip++;
	access(STAGE2_FETCH);
	exits_for(EXIT_STEP);
	assert_int_equal(hits, 0);
	rip--;
	steps = 0;
	order_step();
	refused(RIP, STAGE2_FETCH);
	run_step_over(&cpu0);
	has_stepped(RUN_BREAKPOINT);
}

/* A watch denies what is not excepted from it; it is the code that counts, and not what is accessed. */
static void denies(void **state)
{
	piece.action = WATCH_DENY;
	watched.generation = 1;
	watched.spec = (struct watch_spec){.action = WATCH_DENY, .excepts = 1, .except = {{RIP, RIP}}};
	access(STAGE2_FETCH);
	rip++;
	exits_for(EXIT_STEP);
	assert_int_equal(hits, 1); /* watch_hit_end() drops it */
	piece.first = piece.last = rip;
	refused(rip, STAGE2_FETCH);
	assert_int_equal(denied, 1);
}

/* More entries of page tables that are followed than a step has hits, and a watch of bytes beside them, which are written. */
static void followed_entries(void **state)
{
	uint64_t *entry = (uint64_t *)(fake_ram.bytes + PAGE);

	entries = 13;
	rip = PAGE + 0x800;
	piece = (struct watch_piece){
		.first = RIP, .last = RIP, .watch = &watched, .access = WATCH_WRITE, .generation = 1};
	*entry = 0x5003;
	access(STAGE2_WRITE);
	rip++;
	exits_for(EXIT_STEP);
	assert_int_equal(hits, 1);
	assert_int_equal(moves, 0);
	assert_false(cpu0.work & CPU_WORK_WATCH);
	access(STAGE2_WRITE);
	*entry = 0x6003;
	rip++;
	exits_for(EXIT_STEP);
	assert_int_equal(hits, 2);
	assert_int_equal(moves, 1);
	assert_true(cpu0.work & CPU_WORK_WATCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(between, begin),
		cmocka_unit_test_setup(dropped, begin),
		cmocka_unit_test_setup(debugger_steps, begin),
		cmocka_unit_test_setup(admits_interrupt, begin),
		cmocka_unit_test_setup(debugger_steps_on, begin),
		cmocka_unit_test_setup(drops_debuggers, begin),
		cmocka_unit_test_setup(has_room_for_all, begin),
		cmocka_unit_test_setup(breakpoint, begin),
		cmocka_unit_test_setup(denies, begin),
		cmocka_unit_test_setup(followed_entries, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
