// SPDX-License-Identifier: MIT
/*
 * The CPUs that an interrupt command addresses (SDM vol. 3A 11.6.2), and how INIT and SIPI change a CPU.
 * A mistake would reach the wrong CPU only on machines with other APIC identifiers than the test machines
 * have.
 */
#include <stdbool.h>
#include "unit.h"
#include "apic/icr.h"

#define INIT      0x00004500u
#define INIT_OFF  0x00008500u
#define SIPI      0x00004600u
#define LOGICAL   0x00000800u
#define TO_SELF   0x00040000u
#define TO_ALL    0x00080000u
#define TO_OTHERS 0x000c0000u
#define FLAT      0xffffffffu
#define CLUSTERED 0x0fffffffu
#define SELF      1

/* Of a few CPUs: bit n for CPU n. */
static uint64_t targets(const struct apic_names *names, unsigned n, uint32_t low, uint32_t destination)
{
	struct icr icr = {.low = low, .destination = destination, .x2apic = names[SELF].x2apic};

	struct cpu_set set = icr_targets(&icr, names, n, SELF);

	return set.words[0];
}

/* Number 2 does not exist. */
static const struct apic_names xapic[] = {
	{.there = true, .id = 0, .ldr = 0x01000000, .dfr = FLAT},
	{.there = true, .id = 4, .ldr = 0x02000000, .dfr = FLAT},
	{.there = false, .id = 5, .ldr = 0x04000000, .dfr = FLAT},
	{.there = true, .id = 6, .ldr = 0x80000000, .dfr = FLAT},
};

static void physical(void **state)
{
	assert_int_equal(targets(xapic, 4, INIT, 0), 1);
	assert_int_equal(targets(xapic, 4, INIT, 4), 2);
	assert_int_equal(targets(xapic, 4, INIT, 6), 8);
	assert_int_equal(targets(xapic, 4, INIT, 5), 0);
	assert_int_equal(targets(xapic, 4, INIT, 1), 0);
	assert_int_equal(targets(xapic, 4, INIT, 0xff), 0xb);
}

static void shorthands(void **state)
{
	/* The destination does not count. */
	assert_int_equal(targets(xapic, 4, INIT | TO_SELF, 6), 2);
	assert_int_equal(targets(xapic, 4, INIT | TO_ALL, 6), 0xb);
	assert_int_equal(targets(xapic, 4, INIT | TO_OTHERS, 6), 9);
	assert_int_equal(targets(xapic, 4, SIPI | TO_OTHERS | LOGICAL, 0), 9);
}

static void logical_flat(void **state)
{
	assert_int_equal(targets(xapic, 4, INIT | LOGICAL, 0x01), 1);
	assert_int_equal(targets(xapic, 4, INIT | LOGICAL, 0x82), 0xa);
	assert_int_equal(targets(xapic, 4, INIT | LOGICAL, 0x04), 0);
	assert_int_equal(targets(xapic, 4, INIT | LOGICAL, 0xff), 0xb);
	assert_int_equal(targets(xapic, 4, INIT | LOGICAL, 0), 0);
}

static void logical_cluster(void **state)
{
	static const struct apic_names names[] = {
		{.there = true, .id = 0, .ldr = 0x11000000, .dfr = CLUSTERED},
		{.there = true, .id = 1, .ldr = 0x12000000, .dfr = CLUSTERED},
		{.there = true, .id = 2, .ldr = 0x21000000, .dfr = CLUSTERED},
		{.there = true, .id = 3, .ldr = 0x22000000, .dfr = 0x4fffffff}, /* a reserved model */
		{.there = true, .id = 4, .ldr = 0x00000000, .dfr = CLUSTERED},
	};

	assert_int_equal(targets(names, 5, INIT | LOGICAL, 0x11), 1);
	assert_int_equal(targets(names, 5, INIT | LOGICAL, 0x13), 3);
	assert_int_equal(targets(names, 5, INIT | LOGICAL, 0x21), 4);
	assert_int_equal(targets(names, 5, INIT | LOGICAL, 0x22), 0);
	assert_int_equal(targets(names, 5, INIT | LOGICAL, 0xf1), 5); /* every cluster */
	assert_int_equal(targets(names, 5, INIT | LOGICAL, 0xff), 7);
	assert_int_equal(targets(names, 5, INIT | LOGICAL, 0x10), 0);
}

static void x2apic(void **state)
{
	/* LDR: the identifier's upper bits are the cluster, its lower four the member (11.12.10.2). */
	static const struct apic_names names[] = {
		{.there = true, .x2apic = true, .id = 0x00, .ldr = 0x00000001},
		{.there = true, .x2apic = true, .id = 0x0f, .ldr = 0x00008000},
		{.there = true, .x2apic = true, .id = 0x10, .ldr = 0x00010001},
		{.there = true, .x2apic = true, .id = 0xff, .ldr = 0x000f8000},
		{.there = true, .x2apic = true, .id = 0x12345, .ldr = 0x12340020},
	};

	assert_int_equal(targets(names, 5, INIT, 0xff), 8);
	assert_int_equal(targets(names, 5, INIT, 0x12345), 16);
	assert_int_equal(targets(names, 5, INIT, 0x45), 0);
	assert_int_equal(targets(names, 5, INIT, 0xffffffff), 31);
	assert_int_equal(targets(names, 5, INIT | LOGICAL, 0x0000ffff), 3);
	assert_int_equal(targets(names, 5, INIT | LOGICAL, 0x0001ffff), 4);
	assert_int_equal(targets(names, 5, INIT | LOGICAL, 0x12340020), 16);
	assert_int_equal(targets(names, 5, INIT | LOGICAL, 0x12340040), 0);
	assert_int_equal(targets(names, 5, INIT | LOGICAL, 0xffffffff), 31);
}

/* Identifiers with holes, most of them beyond what xAPIC can say. */
static uint32_t id_of(unsigned n)
{
	return n * 3;
}

static struct apic_names many[BOOT_MAX_CPUS];

static void make_many(bool x2apic)
{
	for (unsigned n = 0; n < BOOT_MAX_CPUS; n++) {
		uint32_t id = id_of(n);

		many[n] = (struct apic_names){.there = true, .x2apic = x2apic, .id = id, .dfr = CLUSTERED};
		/* x2APIC: 11.12.10.2. xAPIC: clusters of four, round and round. */
		many[n].ldr = x2apic ? id >> 4 << 16 | 1u << id % 16 : (n / 4 % 15 << 4 | 1u << n % 4) << 24;
	}
}

static struct cpu_set many_targets(uint32_t low, uint32_t destination)
{
	struct icr icr = {.low = low, .destination = destination, .x2apic = many[SELF].x2apic};

	return icr_targets(&icr, many, BOOT_MAX_CPUS, SELF);
}

static unsigned count(const struct cpu_set *set)
{
	unsigned n = 0;

	for_each_in_set(cpu, set) n += cpu < BOOT_MAX_CPUS;
	return n;
}

static void many_physical(void **state)
{
	struct cpu_set set;

	make_many(true);
	for (unsigned n = 0; n < BOOT_MAX_CPUS; n++) {
		set = many_targets(INIT, id_of(n));
		assert_int_equal(count(&set), 1);
		assert_true(cpu_set_has(&set, n));
		set = many_targets(INIT, id_of(n) + 1);
		assert_true(cpu_set_is_empty(&set));
	}
	set = many_targets(INIT, 0xffffffff);
	assert_int_equal(count(&set), BOOT_MAX_CPUS);
	set = many_targets(INIT | TO_OTHERS, 0);
	assert_int_equal(count(&set), BOOT_MAX_CPUS - 1);
	assert_false(cpu_set_has(&set, SELF));
}

/* Each cluster of 16 identifiers has the CPUs whose identifiers these are, no matter where they stand in the list. */
static void many_clusters(void **state)
{
	make_many(true);
	for (uint32_t cluster = 0; cluster <= id_of(BOOT_MAX_CPUS - 1) / 16; cluster++) {
		struct cpu_set all = many_targets(INIT | LOGICAL, cluster << 16 | 0xffff),
			       even = many_targets(INIT | LOGICAL, cluster << 16 | 0x5555);

		for (unsigned n = 0; n < BOOT_MAX_CPUS; n++) {
			bool inside = id_of(n) / 16 == cluster;

			assert_int_equal(cpu_set_has(&all, n), inside);
			assert_int_equal(cpu_set_has(&even, n), inside && id_of(n) % 2 == 0);
		}
	}
}

static void many_xapic_clusters(void **state)
{
	make_many(false);
	for (uint32_t cluster = 0; cluster < 15; cluster++) {
		struct cpu_set set = many_targets(INIT | LOGICAL, cluster << 4 | 0x9);

		for (unsigned n = 0; n < BOOT_MAX_CPUS; n++)
			assert_int_equal(
				cpu_set_has(&set, n), n / 4 % 15 == cluster && (n % 4 == 0 || n % 4 == 3));
	}
}

static void what_starts(void **state)
{
	for (uint32_t mode = 0; mode < 8; mode++)
		assert_int_equal(icr_starts(mode << 8 | 0xc48ff), mode == 5 || mode == 6);
}

static void init_then_sipi(void **state)
{
	uint32_t word = start_after(0, INIT);

	assert_int_equal(word, START_INIT | START_WAIT);
	word = start_after(word & ~START_INIT, SIPI | 0x9f); /* it has reset itself meanwhile */
	assert_int_equal(word & 0xff, START_WAIT | START_SIPI);
	assert_int_equal(START_VECTOR(word), 0x9f);
}

/* The SIPI may come before the CPU has carried out the INIT. */
static void sipi_right_after_init(void **state)
{
	uint32_t word = start_after(start_after(0, INIT), SIPI | 0x10);

	assert_int_equal(word & 0xff, START_INIT | START_WAIT | START_SIPI);
	assert_int_equal(START_VECTOR(word), 0x10);
	/* A second SIPI with another vector comes too late; a second INIT revokes the SIPI. */
	assert_int_equal(start_after(word, SIPI | 0x20), word);
	assert_int_equal(start_after(word, INIT), START_INIT | START_WAIT);
}

static void nothing_to_a_running_cpu(void **state)
{
	assert_int_equal(start_after(0, SIPI | 0x10), 0);
	assert_int_equal(start_after(0, INIT_OFF), 0);
	assert_int_equal(start_after(START_WAIT, INIT_OFF), START_WAIT);
	/* Level triggered with the level on, and edge triggered, are INITs. */
	assert_int_equal(start_after(0, 0xc500), START_INIT | START_WAIT);
	assert_int_equal(start_after(0, 0x0500), START_INIT | START_WAIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(physical),
		cmocka_unit_test(shorthands),
		cmocka_unit_test(logical_flat),
		cmocka_unit_test(logical_cluster),
		cmocka_unit_test(x2apic),
		cmocka_unit_test(many_physical),
		cmocka_unit_test(many_clusters),
		cmocka_unit_test(many_xapic_clusters),
		cmocka_unit_test(what_starts),
		cmocka_unit_test(init_then_sipi),
		cmocka_unit_test(sipi_right_after_init),
		cmocka_unit_test(nothing_to_a_running_cpu),
	};

	return cmocka_run_group_tests_name("icr", tests, NULL, NULL);
}
