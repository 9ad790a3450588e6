// SPDX-License-Identifier: MIT
/* Lists of ranges: the firmware's map as RAM, and what is left of memory that may come later. */
#include <stdlib.h>
#include <string.h>
#include "ranges.h"
#include "unit.h"

#define MIB   0x100000ull
#define GIB   0x40000000ull
#define MAX   4
#define PAGES 600

/* Adds every other page in any order, up to the maximum number of ranges, then joins all into one. */
static void test_add_any_order(void **state)
{
	static struct boot_range r[PAGES / 2];
	uint32_t count = 0, order[PAGES];

	srand(1);
	for (uint32_t i = 0; i < PAGES; i++)
		order[i] = i < PAGES / 2 ? 2 * i : 2 * (i - PAGES / 2) + 1;
	for (uint32_t i = PAGES / 2 - 1; i; i--) {
		uint32_t other = (uint32_t)rand() % (i + 1), kept = order[i];

		order[i] = order[other];
		order[other] = kept;
	}
	for (uint32_t i = 0; i < PAGES; i++) {
		assert_true(range_add(r, &count, ARRAY_SIZE(r), order[i] * 4096ull, 4096));
		if (i == PAGES / 2 - 1)
			assert_int_equal(count, PAGES / 2);
		for (uint32_t n = 1; n < count; n++)
			assert_true(r[n - 1].base + r[n - 1].size < r[n].base);
	}
	assert_int_equal(count, 1);
	assert_int_equal(r[0].base, 0);
	assert_int_equal(r[0].size, PAGES * 4096);
}

static void test_add_full(void **state)
{
	struct boot_range r[2] = {{0, 4096}, {MIB, 4096}};
	uint32_t count = 2;

	assert_false(range_add(r, &count, 2, 2 * MIB, 4096));
	assert_int_equal(count, 2);
	assert_true(range_add(r, &count, 2, 4096, 4096)); /* touches */
	assert_int_equal(r[0].size, 8192);
	assert_true(range_add(r, &count, 2, 0, 2 * MIB)); /* covers both */
	assert_int_equal(count, 1);
	assert_int_equal(r[0].size, 2 * MIB);
}

#define PIECES 2 * BOOT_MAX_RAM

/* Pages of a map: every other one, and in the end those between them. */
static bool get_page(const void *order, uint32_t i, struct boot_range *out)
{
	uint64_t page = ((const uint32_t *)order)[i];

	*out = (struct boot_range){page * 4096, 4096};
	return true;
}

/* More pieces than there is room for, in the worst order: where they make one range in the end, none is left out. */
static void test_add_all(void **state)
{
	static struct boot_range r[BOOT_MAX_RAM];
	static uint32_t order[PIECES], count;

	for (uint32_t i = 0; i < PIECES; i++)
		order[i] = i < PIECES / 2 ? 2 * i : 2 * (i - PIECES / 2) + 1;
	count = 0;
	assert_int_equal(range_add_all(r, &count, BOOT_MAX_RAM / 2, get_page, order, PIECES), 0);
	assert_int_equal(count, 1);
	assert_int_equal(r[0].size, PIECES * 4096ull);
}

/* What stays apart is counted, each once. */
static void test_add_too_many(void **state)
{
	static struct boot_range r[BOOT_MAX_RAM];
	static uint32_t order[PIECES], count;

	for (uint32_t i = 0; i < PIECES; i++)
		order[i] = 2 * i;
	count = 0;
	assert_int_equal(
		range_add_all(r, &count, BOOT_MAX_RAM, get_page, order, PIECES), PIECES - BOOT_MAX_RAM);
	assert_int_equal(count, BOOT_MAX_RAM);
	count = 0;
	assert_int_equal(range_add_all(r, &count, BOOT_MAX_RAM, get_page, order, BOOT_MAX_RAM), 0);
	assert_int_equal(count, BOOT_MAX_RAM);
}

static void test_cut(void **state)
{
	struct boot_range r[MAX] = {{4 * GIB, 4 * GIB}};
	uint32_t n;

	n = range_cut(r, 1, MAX, GIB, GIB);
	assert_int_equal(n, 1);
	assert_int_equal(r[0].size, 4 * GIB);
	n = range_cut(r, n, MAX, 5 * GIB + 4096, 4096); /* takes its unit out of the middle */
	assert_int_equal(n, 2);
	assert_int_equal(r[0].base, 5 * GIB + 2 * MIB);
	assert_int_equal(r[0].size, 3 * GIB - 2 * MIB);
	assert_int_equal(r[1].base, 4 * GIB);
	assert_int_equal(r[1].size, GIB);
	n = range_cut(r, n, MAX, 4 * GIB, GIB); /* all of one */
	assert_int_equal(n, 1);
	n = range_cut(r, n, MAX, 7 * GIB, 8 * GIB); /* the end */
	assert_int_equal(r[0].size, 2 * GIB - 2 * MIB);
	n = range_cut(r, n, 1, 6 * GIB + 512 * MIB, MIB); /* no room for two: the larger part */
	assert_int_equal(n, 1);
	assert_int_equal(r[0].base, 5 * GIB + 2 * MIB);
	assert_int_equal(r[0].size, 1536 * MIB - 2 * MIB);
	assert_int_equal(range_cut(r, n, MAX, 0, 0), 1);
	assert_int_equal(range_cut(r, n, MAX, 0, 64 * GIB), 0);
}

/* The highest place, whole, below the limit and after the start. Firmware may give any numbers. */
static void test_fit(void **state)
{
	assert_int_equal(range_fit(0, GIB, 16 * MIB, 4 * GIB), GIB - 16 * MIB);
	assert_int_equal(range_fit(0, GIB + MIB, 16 * MIB, 4 * GIB), GIB - 16 * MIB);
	assert_int_equal(range_fit(GIB, 8 * GIB, 16 * MIB, 4 * GIB), 4 * GIB - 16 * MIB);
	assert_int_equal(range_fit(GIB, 8 * GIB, 16 * MIB, 4 * GIB - 1), 4 * GIB - 18 * MIB);
	assert_int_equal(range_fit(4 * GIB, GIB, 16 * MIB, 4 * GIB), 0);
	assert_int_equal(range_fit(MIB, 17 * MIB, 16 * MIB, GIB), 2 * MIB);
	assert_int_equal(range_fit(MIB, 16 * MIB, 16 * MIB, GIB), 0);
	assert_int_equal(range_fit(0, 16 * MIB, 16 * MIB, GIB), 0);
	assert_int_equal(range_fit(GIB, UINT64_MAX, 16 * MIB, UINT64_MAX), UINT64_MAX - 18 * MIB + 1);
	assert_int_equal(range_fit(UINT64_MAX, UINT64_MAX, 16 * MIB, UINT64_MAX), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add_any_order),
		cmocka_unit_test(test_add_full),
		cmocka_unit_test(test_add_all),
		cmocka_unit_test(test_add_too_many),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
