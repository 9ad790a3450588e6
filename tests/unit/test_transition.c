// SPDX-License-Identifier: MIT
/*
 * The page tables of the VMM's first call, walked as a CPU with four or five levels would (SDM vol. 3A 4.5): the firmware's
 * mappings are as before, and the region is at VMM_BASE. Firmware with 5-level paging is on no emulator of the tests by itself.
 */
#include <string.h>
#include <boot/boot_info.h>
#include "transition.h"
#include "unit.h"

#define PRESENT 1ull
#define LARGE   0x80ull
#define LINK    3ull
#define ADDRESS 0x000ffffffffff000ull
#define MIB     0x100000ull
#define REGION  (0x1234ull << 21)
#define SIZE    (6 * MIB)

typedef uint64_t table[512] __attribute__((aligned(4096)));

/* The firmware's: two tables of the top level in use, all entries recognisable. */
static table pml5, pml4_low, pml4_high, tables[TRANSITION_PAGES];

static uint64_t leads_to(const uint64_t *t)
{
	return (uint64_t)t | LINK;
}

static int setup(void **state)
{
	memset(tables, 0xee, sizeof(tables));
	memset(pml5, 0, sizeof(pml5));
	memset(pml4_high, 0, sizeof(pml4_high));
	for (unsigned i = 0; i < 512; i++)
		pml4_low[i] = i < 500 ? (uint64_t)i << 39 | LARGE | LINK : 0;
	pml5[0] = leads_to(pml4_low);
	return 0;
}

/* Entry by entry; a large page at any level ends it. */
static uint64_t walk(const uint64_t *top, unsigned shift, uint64_t va)
{
	for (;; shift -= 9) {
		uint64_t entry = top[va >> shift & 511];

		if (!(entry & PRESENT))
			return 0;
		if (entry & LARGE)
			return (entry & ADDRESS) + (va & ((1ull << shift) - 1));
		assert_true(shift > 12);
		top = (const uint64_t *)(entry & ADDRESS);
	}
}

static void expect_region(const uint64_t *top, unsigned shift)
{
	assert_int_equal(walk(top, shift, VMM_BASE), REGION);
	assert_int_equal(walk(top, shift, VMM_BASE + SIZE - 1), REGION + SIZE - 1);
	assert_int_equal(walk(top, shift, VMM_BASE + SIZE), 0);
	assert_int_equal(walk(top, shift, VMM_BASE - 1), 0);
}

static void four_levels(void **state)
{
	const uint64_t *top = transition_fill(tables, pml4_low, false, REGION, SIZE);

	assert_non_null(top);
	expect_region(top, 39);
	for (uint64_t i = 0; i < 500; i++)
		assert_int_equal(walk(top, 39, (i << 39) + 5), (i << 39) + 5);
	assert_int_equal(walk(top, 39, 505ull << 39), 0);
}

static void five_levels(void **state)
{
	const uint64_t *top = transition_fill(tables, pml5, true, REGION, SIZE);

	assert_non_null(top);
	expect_region(top, 48);
	for (uint64_t i = 0; i < 500; i++)
		assert_int_equal(walk(top, 48, (i << 39) + 5), (i << 39) + 5);
	assert_int_equal(top[1], 0);
	/* As the sign-extended upper half of four levels would be: nothing of the firmware's there. */
	assert_int_equal(walk(top, 48, 0xffff800000000000ull), 0);
}

/* A firmware that has a table in the last entry keeps what it maps there. */
static void five_levels_shared(void **state)
{
	const uint64_t *top;

	pml5[511] = leads_to(pml4_high);
	pml4_high[300] = 7ull << 39 | LARGE | LINK;
	top = transition_fill(tables, pml5, true, REGION, SIZE);
	assert_non_null(top);
	expect_region(top, 48);
	assert_int_equal(walk(top, 48, 0xffff000000000000ull | 300ull << 39), 7ull << 39);
	assert_int_equal(pml4_high[511], 0);
}

static void in_use(void **state)
{
	pml4_low[511] = LARGE | LINK;
	assert_null(transition_fill(tables, pml4_low, false, REGION, SIZE));
	assert_non_null(transition_fill(tables, pml5, true, REGION, SIZE)); /* it is another place there */
	pml5[511] = leads_to(pml4_high);
	pml4_high[511] = LARGE | LINK;
	assert_null(transition_fill(tables, pml5, true, REGION, SIZE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(four_levels, setup),
		cmocka_unit_test_setup(five_levels, setup),
		cmocka_unit_test_setup(five_levels_shared, setup),
		cmocka_unit_test_setup(in_use, setup),
	};

	return cmocka_run_group_tests_name("transition", tests, NULL, NULL);
}
