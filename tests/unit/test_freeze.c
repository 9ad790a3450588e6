// SPDX-License-Identifier: MIT
/*
 * Frozen rings: records that were not kept are counted, also while another CPU's freeze ends. All CPUs carry out an order, those without exits of their
 * own too.
 */
#include "unit.h"
#include <pthread.h>
#include "apic/park.h"
#include "exit/freeze.h"
#include "log/log.h"

#define RECORDS 64
#define BESIDE  16
#define CPUS    2
#define FREEZES 50000
#define RESTS   50
#define SECONDS 3600

struct boot_info boot_info = {.cpus = CPUS, .tsc_khz = 1000000};
struct cpu *cpus[BOOT_MAX_CPUS];

static struct cpu machine[CPUS];
static struct trap_record rings[CPUS][RECORDS], besides[CPUS][BESIDE];
static bool silent; /* the other CPU's APIC is off */
static unsigned kicks;
static atomic_bool done;
static atomic_uint losses; /* so far, with the one that is about to happen */

static void take_exit(struct cpu *c)
{
	freeze_serve(c);
	if (c->work & CPU_WORK_THAW)
		freeze_go_on(c);
}

/* The other CPU makes no other exits. */
void cpu_kick(struct cpu *c)
{
	kicks++;
	if (!silent)
		take_exit(c);
}

void log_line(const char *format, ...)
{
}

static int setup(void **state)
{
	for (unsigned i = 0; i < CPUS; i++) {
		machine[i] = (struct cpu){.number = i, .beneath = true, .writing = &machine[i].ring};
		cpus[i] = &machine[i];
		ring_init(&machine[i].ring, rings[i], RECORDS);
		ring_init(&machine[i].beside, besides[i], BESIDE);
	}
	boot_info.tsc_khz = 1000000;
	silent = done = false;
	kicks = 0;
	losses = 0;
	freeze_set(&machine[0], 0);
	return 0;
}

static void record(struct cpu *c, unsigned n)
{
	while (n--)
		ring_commit(c->writing, ring_begin(c->writing));
}

/* As the service does, on the first CPU. Returns the number of exits before the last. */
static unsigned order(uint64_t seconds)
{
	unsigned n = 0;

	for (freeze_set(&machine[0], seconds); freeze_hurry(&machine[0]); n++)
		take_exit(&machine[0]);
	return n;
}

static bool is_frozen(const struct cpu *c)
{
	return c->writing == &c->beside;
}

static void counts(void **state)
{
	struct cpu *c = &machine[0];

	record(c, 1);
	order(SECONDS);
	assert_true(is_frozen(c));
	record(c, BESIDE + 3);
	assert_int_equal(freeze_not_kept(), 3);
	order(0);
	assert_int_equal(freeze_not_kept(), 3);
	record(c, 1);
	assert_int_equal(c->ring.head, BESIDE + 5);
}

/* What a thaw has taken out of the second ring is not lost if new records overwrite it there. */
static void counts_in_thaw(void **state)
{
	struct cpu *c = &machine[0];

	order(SECONDS);
	record(c, BESIDE + 3);
	freeze_set(c, 0);
	take_exit(c);
	assert_true(is_frozen(c));
	record(c, 5);
	assert_int_equal(freeze_not_kept(), 3);
	order(0);
	assert_int_equal(freeze_not_kept(), 3);
	assert_int_equal(c->ring.head, BESIDE + 8);
}

/* Long enough for the reader to see what was counted, before more is. */
static void rest(void)
{
	for (unsigned i = 0; i < RESTS; i++)
		__asm__ volatile("pause");
}

/* In each freeze one record more than there is room for. */
static void *freeze_again_and_again(void *arg)
{
	for (unsigned i = 0; i < FREEZES; i++) {
		order(SECONDS);
		record(&machine[0], BESIDE);
		atomic_fetch_add(&losses, 1);
		record(&machine[0], 1);
		rest();
		order(0);
		rest();
	}
	atomic_store(&done, true);
	return NULL;
}

/* Another CPU asks meanwhile: the count may lack the freeze that goes on, but it is never more than there is. */
static void meanwhile(void **state)
{
	pthread_t other;
	uint64_t before, counted;

	assert_int_equal(pthread_create(&other, NULL, freeze_again_and_again, NULL), 0);
	while (!atomic_load(&done)) {
		before = atomic_load(&losses);
		counted = freeze_not_kept();
		assert_in_range(counted, before - !!before, atomic_load(&losses));
	}
	pthread_join(other, NULL);
	assert_int_equal(freeze_not_kept(), FREEZES);
}

/* All records of an idle CPU are in its ring when the order is carried out, and it is kicked no longer. */
static void thaws_idle(void **state)
{
	struct cpu *idle = &machine[1];
	unsigned n;

	order(SECONDS);
	assert_true(is_frozen(idle));
	record(idle, BESIDE);
	order(0);
	assert_false(is_frozen(idle));
	assert_int_equal(idle->ring.head, BESIDE);
	n = kicks;
	order(0);
	assert_int_equal(kicks, n);
}

/* The same if the freeze ends because its time is over. */
static void ends_idle(void **state)
{
	struct cpu *idle = &machine[1];

	boot_info.tsc_khz = 1000; /* a second has a million ticks */
	order(1);
	record(idle, BESIDE);
	while (freeze_left())
		continue;
	while (freeze_hurry(&machine[0]))
		take_exit(&machine[0]);
	assert_int_equal(idle->ring.head, BESIDE);
}

/* Nobody waits for long for a CPU that cannot be reached, and for one that has stopped for good not at all. */
static void silence(void **state)
{
	silent = true;
	boot_info.tsc_khz = 10000;
	assert_true(order(SECONDS) > 0);
	assert_true(is_frozen(&machine[0]));
	assert_false(is_frozen(&machine[1]));
	take_exit(&machine[1]);
	assert_true(is_frozen(&machine[1]));
	machine[1].stopped.is = true;
	kicks = 0;
	order(0);
	assert_int_equal(kicks, 0);
}

/* A freeze that is ordered in the middle of a thaw shows the newest records, and each once. */
static void freezes_in_thaw(void **state)
{
	struct cpu *c = &machine[0];
	struct trap_record r;

	record(c, RECORDS);
	order(SECONDS);
	record(c, BESIDE);
	freeze_set(c, 0);
	take_exit(c);
	assert_true(is_frozen(c));
	order(SECONDS);
	assert_true(is_frozen(c));
	for (uint64_t seq = BESIDE + 1; seq <= RECORDS + BESIDE; seq++)
		assert_true(ring_at(&c->ring, seq, &r));
	record(c, 1);
	assert_int_equal(c->ring.head, RECORDS + BESIDE);
	assert_int_equal(freeze_not_kept(), 0);
}

/* A part leaves no time for the console's turn; to begin takes none, and does not take back what the exit's handler has said. */
static void is_long(void **state)
{
	struct cpu *c = &machine[0];

	c->exit.is_long = true;
	freeze_set(c, SECONDS);
	assert_true(c->exit.is_long);
	c->exit.is_long = false;
	record(c, 1);
	freeze_set(c, 0);
	take_exit(c);
	assert_true(c->exit.is_long);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(counts, setup),
		cmocka_unit_test_setup(counts_in_thaw, setup),
		cmocka_unit_test_setup(meanwhile, setup),
		cmocka_unit_test_setup(thaws_idle, setup),
		cmocka_unit_test_setup(ends_idle, setup),
		cmocka_unit_test_setup(silence, setup),
		cmocka_unit_test_setup(freezes_in_thaw, setup),
		cmocka_unit_test_setup(is_long, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
