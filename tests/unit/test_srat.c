// SPDX-License-Identifier: MIT
/* The SRAT's hot-pluggable memory. */
#include <string.h>
#include "srat.h"
#include "unit.h"

#define MIB    0x100000ull
#define GIB    0x40000000ull
#define HEADER 48
#define MEMORY 40
#define MAX    4

static uint8_t table[HEADER + 16 * MEMORY];
static size_t length;

static void begin(void)
{
	memset(table, 0, sizeof(table));
	length = HEADER;
}

static void add(uint64_t base, uint64_t size, uint32_t flags)
{
	uint8_t *e = table + length;

	e[0] = 1;
	e[1] = MEMORY;
	memcpy(e + 8, &base, 8);
	memcpy(e + 16, &size, 8);
	memcpy(e + 28, &flags, 4);
	length += MEMORY;
}

static void test_taken(void **state)
{
	struct boot_range r[MAX];

	begin();
	add(0, 0xa0000, 1);
	add(MIB, GIB, 1);
	table[length] = 2; /* a CPU, 24 bytes */
	table[length + 1] = 24;
	length += 24;
	add(4 * GIB, 2 * GIB, 3);
	add(8 * GIB, GIB, 2); /* not enabled */
	add(16 * GIB + MIB, 4 * MIB, 7);
	add(32 * GIB + MIB, 2 * MIB, 3); /* no whole unit */
	assert_int_equal(srat_hot(table, length, r, MAX), 2);
	assert_int_equal(r[0].base, 4 * GIB);
	assert_int_equal(r[0].size, 2 * GIB);
	assert_int_equal(r[1].base, 16 * GIB + 2 * MIB);
	assert_int_equal(r[1].size, 2 * MIB);
}

static void test_damaged(void **state)
{
	struct boot_range r[MAX];

	begin();
	add(~0ull - MIB, 4 * MIB, 3);
	add(4 * GIB, ~0ull, 3);
	assert_int_equal(srat_hot(table, length, r, MAX), 0);
	add(4 * GIB, GIB, 3);
	assert_int_equal(srat_hot(table, length, r, MAX), 1);
	assert_int_equal(srat_hot(table, length - 1, r, MAX), 0); /* ends in the entry */
	table[HEADER + 1] = 0;                                    /* no length: no end otherwise */
	assert_int_equal(srat_hot(table, length, r, MAX), 0);
	assert_int_equal(srat_hot(table, HEADER, r, MAX), 0);
}

static void test_more_than_fit(void **state)
{
	struct boot_range r[MAX + 1] = {0};

	begin();
	for (unsigned i = 0; i < 8; i++)
		add(i * GIB, GIB / 2, 3);
	assert_int_equal(srat_hot(table, length, r, MAX), MAX);
	assert_int_equal(r[MAX].size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_more_than_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
