// SPDX-License-Identifier: MIT
/* What `trapctl bench` measures: a counter of core cycles that fails in one round, and one that does not count. The source is included. */
#define _GNU_SOURCE
#include "unit.h"
#undef fail /* cmocka's; trapctl has a function of this name */
#include <errno.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define COUNTER  1000 /* its descriptor */
#define ROUNDS   5
#define PER_READ 50
#define FIRST    (2 * WARM_ROUNDS) /* read of the rounds that count */

static unsigned reads, bad; /* bad: which read fails; 0: none does */
static uint64_t cycle_count, per_read;
static struct perf_event_attr opened;
static int closed;

static ssize_t fake_read(int file, void *to, size_t n)
{
	assert_int_equal(file, COUNTER);
	if (++reads == bad)
		return 0; /* as the kernel says that a pinned counter is not on the CPU */
	cycle_count += per_read;
	memcpy(to, &cycle_count, n);
	return (ssize_t)n;
}

static long fake_syscall(
	long number, struct perf_event_attr *a, int pid, int cpu, int group, unsigned long flags)
{
	assert_int_equal(number, SYS_perf_event_open);
	opened = *a;
	return COUNTER;
}

static int fake_close(int file)
{
	closed = file;
	return 0;
}

#define read    fake_read
#define syscall fake_syscall
#define close   fake_close
#include "../../guest-tools/trapctl/bench_work.c"
#undef read
#undef syscall
#undef close
#include "../../guest-tools/trapctl/bench_file.c"

bool trapline_present(void)
{
	return false;
}

int64_t trapline_call(struct trapline_registers *r)
{
	return -1;
}

const char *about(const char *name, char value[ABOUT_MAX])
{
	return "";
}

static void begin(unsigned which, uint64_t step)
{
	reads = 0;
	bad = which;
	per_read = step;
	cycle_count = 0;
	closed = -1;
}

static void measure(struct bench *b)
{
	double rounds[BENCH_UNITS][ROUNDS], *value[] = {rounds[0], rounds[1]};

	*b = (struct bench){.rounds = ROUNDS};
	assert_true(measure_kind(b, BENCH_cpuid, value));
	assert_true(bench_is_valid(&b->spread[BENCH_TSC][BENCH_cpuid]));
}

static void counts(void **state)
{
	struct bench b;

	begin(0, PER_READ);
	assert_null(open_counter());
	assert_true(opened.pinned && counter == COUNTER && counter_costs == PER_READ && closed < 0);
	per_read = 2 * PER_READ;
	measure(&b);
	assert_true(b.spread[BENCH_CYCLES][BENCH_cpuid].median == 0.5);
}

/* Each read of the rounds that count fails once, before or behind the work. */
static void one_round_fails(void **state)
{
	struct bench b;

	counter = COUNTER;
	counter_costs = PER_READ;
	for (unsigned n = 0; n < 2 * ROUNDS; n++) {
		begin(FIRST + n + 1, 2 * PER_READ);
		measure(&b);
		assert_true(b.spread[BENCH_CYCLES][BENCH_cpuid].median == 0);
	}
}

static void one_round_has_none(void **state)
{
	struct bench b;

	counter = COUNTER;
	counter_costs = PER_READ;
	begin(0, PER_READ);
	measure(&b);
	assert_true(b.spread[BENCH_CYCLES][BENCH_cpuid].median == 0);
}

static void does_not_count(void **state)
{
	struct bench b;

	for (unsigned i = 0; i < 2; i++) {
		begin(i, i ? PER_READ : 0);
		assert_non_null(open_counter());
		assert_true(counter == -1 && closed == COUNTER);
		measure(&b);
		assert_int_equal(reads, i ? 1 : 2 * READS);
		assert_true(b.spread[BENCH_CYCLES][BENCH_cpuid].median == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts),
		cmocka_unit_test(one_round_fails),
		cmocka_unit_test(one_round_has_none),
		cmocka_unit_test(does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
