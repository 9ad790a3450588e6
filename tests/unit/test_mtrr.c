// SPDX-License-Identifier: MIT
/*
 * The guest's MTRRs: how a write changes second-level paging, and what all CPUs do before they run with the change. Threads are
 * CPUs in the guest; tables are in this process's memory.
 */
#include "unit.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "apic/flush.h"
#include "log/log.h"
#include "hw/msr.h"
#include "apic/park.h"
#include "hw/features.h"
#include "mem/mtrr.h"
#include "vmx/vmx_mtrr.h"
#include "hw/features.h"
#include "stage2/stage2.h"
#include "fake_vendor.h"

#define POOL_PAGES 2048
#include "fake_pool.h"

#define BITS    40
#define HOLDS   30 /* a CPU: each waits for all threads to have their turn */
#define CPUS    4
#define MIB     0x100000ull
#define GIB     0x40000000ull
#define E       0x800ull
#define FE      0x400ull
#define VALID   0x800ull
#define CAP     0x508ull /* WC, fixed ones, 8 variable ones */
#define BASE(n) (MSR_MTRR_PHYSBASE0 + 2 * (n))
#define MASK(n) (MSR_MTRR_PHYSBASE0 + 2 * (n) + 1)

/* The functions of other sources that are called. */

struct boot_info boot_info;
struct cpu *cpus[BOOT_MAX_CPUS];
_Atomic uint32_t cpus_active;

static struct mtrr_state firmware;
static struct mtrr_shadow shadows[CPUS];
static _Atomic unsigned kicks[CPUS], flushes[CPUS];
static _Atomic unsigned lines;
static _Atomic uint64_t leaf; /* an entry, and the value that each CPU has cached; 0: none */
static _Atomic uint64_t cached[CPUS];
static bool answers; /* a kick is handled at once */

static uint64_t mask(uint64_t size)
{
	return (((1ull << BITS) - 1) & ~(size - 1)) | VALID;
}

void mtrr_read(struct mtrr_state *m)
{
	*m = firmware;
}

uint64_t mtrr_capabilities(void)
{
	return CAP;
}

uint64_t pool_left(void)
{
	return GIB;
}

void log_line(const char *format, ...)
{
	lines++;
}

void cpu_park_if_asked(struct cpu *cpu)
{
}

void cpu_kick(struct cpu *cpu)
{
	kicks[cpu->number]++;
	if (answers)
		flush_serve(cpu);
}

void cpu_kick_others(const struct cpu *self)
{
	for_each_cpu (c)
		if (c != self)
			cpu_kick(c);
}

static uint64_t bits(uint64_t gpa, uint64_t *size, unsigned rights)
{
	return (rights & STAGE2_ALL) | vmx_mtrr_type(gpa, size) << 3;
}

static void flush(struct cpu *cpu)
{
	flushes[cpu->number]++;
	cached[cpu->number] = 0;
}

static _Atomic unsigned moments;

static void let_in(bool on)
{
	moments += on;
}

struct cpu *cpu_of_stack(uint64_t address)
{
	static struct cpu any;

	return cpus[0] ? cpus[0] : &any;
}

static const struct vendor_traits traits = {.stage2_largest = 3};
FAKE_VENDOR(fake, .traits = &traits, .stage2.bits = bits, .stage2.flush = flush, .events.let_in = let_in);
const struct vendor *vendor = &fake;

/* 4 GiB of RAM with a hole for devices below, as set by firmware. */
static int begin(void **state)
{
	static bool made;

	firmware = (struct mtrr_state){.def_type = E | FE | MEMORY_WB,
		.variable = {{3 * GIB, mask(GIB)}},
		.variables = 8,
		.physical_bits = BITS};
	memset(firmware.fixed, MEMORY_WB, sizeof(firmware.fixed));
	features.physical_bits = features.memory_bits = BITS;
	vmx_mtrr_init();
	vendor = &fake;
	boot_info.tsc_khz = 1000000;
	boot_info.cpus = cpus_active = CPUS;
	for (unsigned n = 0; n < CPUS; n++) {
		if (!cpus[n]) {
			cpus[n] = aligned_alloc(LINE_SIZE, sizeof(struct cpu));
			memset(cpus[n], 0, sizeof(struct cpu));
		}
		cpus[n]->number = n;
		cpus[n]->waits_for_sipi = cpus[n]->aside = false;
		cpus[n]->beneath = true;
		vmx_mtrr_begin(&shadows[n]);
		flush_serve(cpus[n]);
		kicks[n] = flushes[n] = 0;
	}
	if (!made)
		assert_null(stage2_init());
	else
		stage2_retype();
	made = true;
	lines = 0;
	answers = false;
	return 0;
}

static bool put(unsigned n, uint32_t msr, uint64_t value)
{
	return vmx_mtrr_write(cpus[n], &shadows[n], msr, value);
}

static unsigned type_of(uint64_t gpa)
{
	unsigned level;

	return *paging_leaf(&stage2_tables, gpa, &level) >> 3 & 7;
}

/* A hash of all leaves of the first 64 GiB. */
static uint64_t all_leaves(void)
{
	uint64_t sum = 0, size;

	for (uint64_t at = 0; at < 64 * GIB; at += size) {
		unsigned level;

		sum = sum * 31 + *paging_leaf(&stage2_tables, at, &level);
		size = PAGE_SIZE << 9 * (level - 1);
	}
	return sum;
}

static unsigned total(_Atomic unsigned *of)
{
	unsigned sum = 0;

	for (unsigned n = 0; n < CPUS; n++)
		sum += of[n];
	return sum;
}

/* As Linux turns its caches off and on, on one CPU after the other. */
static void off_and_on(void **state)
{
	uint64_t before = all_leaves();

	for (unsigned n = 0; n < CPUS; n++) {
		assert_true(put(n, MSR_MTRR_DEF_TYPE, FE | MEMORY_WB));
		assert_int_equal(all_leaves(), before);
		assert_true(put(n, BASE(0), firmware.variable[0].base));
		assert_true(put(n, MASK(0), firmware.variable[0].mask));
		assert_true(put(n, MSR_MTRR_DEF_TYPE, E | FE | MEMORY_WB));
		assert_int_equal(all_leaves(), before);
	}
	assert_int_equal(total(kicks) + total(flushes) + lines, 0);
}

/* A frame buffer becomes WC: the first CPU that turns its MTRRs on again changes the tables; the others find no difference. */
static void changed_once(void **state)
{
	uint64_t after = 0;

	answers = false;
	for (unsigned n = 0; n < CPUS; n++)
		cpus[n]->waits_for_sipi = n != 0; /* nobody answers here */
	for (unsigned n = 0; n < CPUS; n++) {
		assert_true(put(n, MSR_MTRR_DEF_TYPE, FE | MEMORY_WB));
		assert_true(put(n, BASE(1), 0x80000000 | MEMORY_WC));
		assert_true(put(n, MASK(1), mask(4 * MIB)));
		assert_int_equal(type_of(0x80000000), n ? MEMORY_WC : MEMORY_WB);
		assert_true(put(n, MSR_MTRR_DEF_TYPE, E | FE | MEMORY_WB));
		assert_int_equal(type_of(0x80000000), MEMORY_WC);
		assert_int_equal(type_of(0x803ff000), MEMORY_WC);
		assert_int_equal(type_of(0x80400000), MEMORY_WB);
		after = n ? after : all_leaves();
		assert_int_equal(all_leaves(), after);
	}
	assert_int_equal(total(flushes), 1); /* the first one's own, and the others owe one */
	for (unsigned n = 1; n < CPUS; n++) {
		assert_true(cpus[n]->flush_due);
		assert_false(flush_is_missed(cpus[n]));
		flush_serve(cpus[n]);
		flush_serve(cpus[n]);
		assert_int_equal(flushes[n], 1);
		assert_false(cpus[n]->flush_due);
	}
}

/* A CPU with the old MTRR values that turns them off and on does not revert another CPU's change. */
static void old_values_come_late(void **state)
{
	for (unsigned n = 0; n < CPUS; n++)
		cpus[n]->waits_for_sipi = n != 0;
	assert_true(put(0, BASE(1), 0x80000000 | MEMORY_WC));
	assert_true(put(0, MASK(1), mask(4 * MIB)));
	assert_true(put(1, MSR_MTRR_DEF_TYPE, FE | MEMORY_WB));
	assert_true(put(1, MSR_MTRR_DEF_TYPE, E | FE | MEMORY_WB));
	assert_int_equal(type_of(0x80000000), MEMORY_WC);
}

/* 12.11.2.1 to 12.11.2.3: reserved bits and types; registers that this CPU does not have. */
static void refused(void **state)
{
	const struct {
		uint32_t msr;
		uint64_t value;
		bool ok;
	} cases[] = {
		{MSR_MTRR_DEF_TYPE, E | FE | MEMORY_WB, true},
		{MSR_MTRR_DEF_TYPE, E | 2, false},
		{MSR_MTRR_DEF_TYPE, E | 7, false},
		{MSR_MTRR_DEF_TYPE, E | 0x100 | MEMORY_WB, false},
		{MSR_MTRR_DEF_TYPE, 1ull << 12, false},
		{MSR_MTRR_DEF_TYPE, 1ull << 63 | E, false},
		{BASE(7), 0x80000000 | MEMORY_WT, true},
		{BASE(7), 0x80000000 | 3, false},
		{BASE(7), 0x80000100 | MEMORY_WT, false},
		{BASE(7), 1ull << BITS, false},
		{MASK(7), 0xfff000000, true},
		{MASK(7), 0xfff000400, false},
		{MASK(7), 1ull << BITS | VALID, false},
		{BASE(8), 0, false},
		{MASK(8), 0, false},
		{MSR_MTRR_FIX64K_00000, 0x0606060606060606, true},
		{MSR_MTRR_FIX64K_00000, 0x0606060206060606, false},
		{MSR_MTRR_FIX4K_F8000, 0x0500040100060606, true},
		{MSR_MTRR_FIX4K_F8000, 0x0800000000000000, false},
	};
	uint64_t value, before;

	assert_true(put(0, MSR_MTRR_DEF_TYPE, FE | MEMORY_WB));
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		bool there = mtrr_shadow_read(&shadows[0], cases[i].msr, &before);

		shadows[0].now.def_type &= ~E;
		assert_int_equal(put(0, cases[i].msr, cases[i].value), cases[i].ok);
		assert_int_equal(mtrr_shadow_read(&shadows[0], cases[i].msr, &value), there);
		if (there)
			assert_int_equal(value, cases[i].ok                         ? cases[i].value
						: cases[i].msr == MSR_MTRR_DEF_TYPE ? before & ~E
										    : before);
		for (unsigned n = 1; n < CPUS; n++)
			cpus[n]->waits_for_sipi = true;
	}
}

static void which_are(void **state)
{
	unsigned count = 0;

	for (uint32_t msr = 0; msr < 0x2000; msr++)
		count += mtrr_is(msr);
	assert_int_equal(count, 2 * MTRR_VARIABLE_MAX + MTRR_FIXED + 1);
	assert_false(mtrr_is(MSR_PAT));
	assert_false(mtrr_is(MSR_MTRRCAP));
}

/* A leaf that other CPUs may still use for a moment: they get a kick, and nobody waits. */
static void reported_without_waiting(void **state)
{
	flush_changed(cpus[1]);
	assert_int_equal(flushes[1], 1);
	assert_int_equal(kicks[1], 0);
	assert_int_equal(total(kicks), CPUS - 1);
	for (unsigned n = 0; n < CPUS; n++)
		assert_false(flush_is_missed(cpus[n]));
	cpus[2]->flush_due = false; /* as if the mark had been lost */
	assert_true(flush_is_missed(cpus[2]));
}

static _Atomic bool stop;
static _Atomic unsigned stale, runs;

/* In the guest the cached value must equal the table's. A kick is an exit. */
static void *guest(void *of)
{
	struct cpu *cpu = of;
	unsigned n = cpu->number, seen = 0;

	while (!atomic_load(&stop)) {
		uint64_t entry;

		if (atomic_load(&kicks[n]) != seen) {
			seen = atomic_load(&kicks[n]);
			flush_serve(cpu);
			stale += flush_is_missed(cpu);
			continue;
		}
		entry = atomic_load(&cached[n]);
		if (!entry)
			cached[n] = entry = atomic_load(&leaf);
		stale += entry != atomic_load(&leaf);
		runs++;
	}
	return NULL;
}

static void *changer(void *of)
{
	struct cpu *cpu = of;

	for (unsigned i = 0; i < HOLDS; i++) {
		flush_hold(cpu);
		atomic_fetch_add(&leaf, 1);
		flush_release(cpu, true);
	}
	atomic_store(&cpu->waits_for_sipi,
		true); /* it is not there any more: the other one does not wait for it */
	return NULL;
}

/* Two CPUs change an entry, two use it: never an old value. */
static void nobody_runs_on_the_old(void **state)
{
	pthread_t thread[CPUS];

	boot_info.tsc_khz = 1000000000; /* long enough on a busy machine */
	leaf = 1;
	stop = false;
	stale = runs = 0;
	for (unsigned n = 0; n < CPUS; n++)
		assert_int_equal(pthread_create(&thread[n], NULL, n < 2 ? guest : changer, cpus[n]), 0);
	for (unsigned n = 2; n < CPUS; n++)
		pthread_join(thread[n], NULL);
	stop = true;
	for (unsigned n = 0; n < 2; n++)
		pthread_join(thread[n], NULL);
	assert_int_equal(stale, 0);
	assert_int_equal(leaf, 1 + 2 * HOLDS);
	assert_true(runs > 0);
}

/*
 * A CPU in wait-for-SIPI gets no NMI, nor does one that the firmware still has: nobody waits for these. A CPU that is merely busy is
 * waited for, up to a limit, and SMIs are let in meanwhile.
 */
static void who_is_waited_for(void **state)
{
	uint64_t since = rdtsc();

	boot_info.tsc_khz = 1000000000; /* for 100 s */
	for (unsigned n = 1; n < CPUS; n++)
		cpus[n]->waits_for_sipi = true;
	cpus[2]->waits_for_sipi = cpus[2]->beneath = false;
	flush_hold(cpus[0]);
	flush_release(cpus[0], true);
	assert_true(rdtsc() - since < 50 * boot_info.tsc_khz);
	boot_info.tsc_khz = 1000;
	cpus[3]->waits_for_sipi = false;
	since = rdtsc();
	moments = 0;
	flush_hold(cpus[0]);
	assert_true(rdtsc() - since >= 100 * boot_info.tsc_khz);
	assert_true(moments);
	flush_release(cpus[0], false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(off_and_on, begin),
		cmocka_unit_test_setup(changed_once, begin),
		cmocka_unit_test_setup(old_values_come_late, begin),
		cmocka_unit_test_setup(refused, begin),
		cmocka_unit_test_setup(which_are, begin),
		cmocka_unit_test_setup(reported_without_waiting, begin),
		cmocka_unit_test_setup(nobody_runs_on_the_old, begin),
		cmocka_unit_test_setup(who_is_waited_for, begin),
	};

	return cmocka_run_group_tests_name("mtrr", tests, NULL, NULL);
}
