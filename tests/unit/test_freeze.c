// SPDX-License-Identifier: MIT
/* Frozen rings: records that were not kept are counted, also while another CPU's freeze ends. */
#include "unit.h"
#include <pthread.h>
#include "apic/park.h"
#include "exit/freeze.h"
#include "log/log.h"

#define RECORDS 64
#define BESIDE  2
#define FREEZES 50000
#define RESTS   50
#define SECONDS 3600

struct boot_info boot_info = {.cpus = 1, .tsc_khz = 1000000};
struct cpu *cpus[BOOT_MAX_CPUS];

static struct cpu cpu;
static struct trap_record ring[RECORDS], beside[BESIDE];
static atomic_bool done;
static atomic_uint losses; /* so far, with the one that is about to happen */

void cpu_kick_others(const struct cpu *self)
{
}

void log_line(const char *format, ...)
{
}

static int setup(void **state)
{
	cpu = (struct cpu){.writing = &cpu.ring};
	cpus[0] = &cpu;
	ring_init(&cpu.ring, ring, RECORDS);
	ring_init(&cpu.beside, beside, BESIDE);
	done = false;
	losses = 0;
	return 0;
}

static void record(void)
{
	ring_commit(cpu.writing, ring_begin(cpu.writing));
}

static void counts(void **state)
{
	record();
	freeze_set(&cpu, SECONDS);
	assert_true(cpu.writing == &cpu.beside);
	for (unsigned i = 0; i < BESIDE + 3; i++)
		record();
	assert_int_equal(freeze_not_kept(), 3);
	freeze_set(&cpu, 0);
	assert_int_equal(freeze_not_kept(), 3);
	record();
	assert_int_equal(cpu.ring.head, BESIDE + 5);
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
		freeze_set(&cpu, SECONDS);
		for (unsigned n = 0; n < BESIDE; n++)
			record();
		atomic_fetch_add(&losses, 1);
		record();
		rest();
		freeze_set(&cpu, 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(counts, setup),
		cmocka_unit_test_setup(meanwhile, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
