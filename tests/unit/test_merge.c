// SPDX-License-Identifier: MIT
/*
 * Every pair of vectors, against SDM vol. 3A tables 6-4 and 6-5, and APM vol. 2 15.35.5 for #VC. The expectation is written as sets of
 * vectors, not as the code's table. Hardware merges by itself as long as nothing is intercepted, so a wrong row would
 * show only in a guest that is about to die.
 */
#include <stdbool.h>
#include "unit.h"
#include "exit/merge.h"

#define SET(n) (1u << (n))
static const uint32_t contributory = SET(0) | SET(10) | SET(11) | SET(12) | SET(13) | SET(21) | SET(29);
static const uint32_t page_faults = SET(14) | SET(20);

static struct event exception(unsigned vector)
{
	return (struct event){.valid = true, .vector = (uint8_t)vector, .type = TRAP_TYPE_EXCEPTION};
}

static enum merge_result expected(unsigned first, unsigned second)
{
	bool second_is_contributory = contributory >> second & 1;
	bool second_is_page_fault = page_faults >> second & 1;

	if (first == 8 && (second_is_contributory || second_is_page_fault))
		return MERGE_TRIPLE_FAULT;
	if ((contributory >> first & 1) && second_is_contributory)
		return MERGE_DOUBLE_FAULT;
	if ((page_faults >> first & 1) && (second_is_contributory || second_is_page_fault))
		return MERGE_DOUBLE_FAULT;
	return MERGE_DELIVER;
}

static void all_pairs(void **state)
{
	unsigned seen[3] = {0};

	for (unsigned first = 0; first < 32; first++)
		for (unsigned second = 0; second < 32; second++) {
			struct event during = exception(first), now = exception(second);
			enum merge_result got = merge_events(&during, &now);

			if (got != expected(first, second))
				fail_msg("%u during %u: %d, not %d", second, first, got,
					expected(first, second));
			seen[got]++;
		}
	/* 7 contributory times 7, 2 page faults times 9; #DF times 9 */
	assert_int_equal(seen[MERGE_DOUBLE_FAULT], 49 + 18);
	assert_int_equal(seen[MERGE_TRIPLE_FAULT], 9);
}

/* Common pairs by name, so that a wrong set above does not hide a wrong table. */
static void well_known_pairs(void **state)
{
	static const struct {
		unsigned first, second;
		enum merge_result result;
	} pairs[] = {
		{14, 14, MERGE_DOUBLE_FAULT}, /* stack overflow: #PF on the way to the #PF handler */
		{14, 13, MERGE_DOUBLE_FAULT}, /* bad IDT entry 14 */
		{13, 14, MERGE_DELIVER},      /* the #GP handler's stack is not mapped: a plain #PF first */
		{13, 13, MERGE_DOUBLE_FAULT},
		{6, 14, MERGE_DELIVER}, /* #UD handler not mapped */
		{6, 13, MERGE_DELIVER},
		{8, 14, MERGE_TRIPLE_FAULT},
		{8, 13, MERGE_TRIPLE_FAULT},
		{8, 6, MERGE_DELIVER},
		{0, 11, MERGE_DOUBLE_FAULT},
		{1, 13, MERGE_DELIVER},
		{17, 13, MERGE_DELIVER},
		{21, 13, MERGE_DOUBLE_FAULT},
		{20, 14, MERGE_DOUBLE_FAULT},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct event during = exception(pairs[i].first), now = exception(pairs[i].second);

		assert_int_equal(merge_events(&during, &now), pairs[i].result);
	}
}

/* INT 8 is not a double fault, INT 0xd not a #GP: only exceptions of the CPU have a class. */
static void interrupts_are_benign(void **state)
{
	static const uint8_t types[] = {
		TRAP_TYPE_EXTINT, TRAP_TYPE_NMI, TRAP_TYPE_SOFTINT, TRAP_TYPE_ICEBP, TRAP_TYPE_SOFTEXC};

	for (unsigned t = 0; t < ARRAY_SIZE(types); t++)
		for (unsigned vector = 0; vector < 256; vector++)
			for (unsigned second = 0; second < 32; second++) {
				struct event during = {true, false, (uint8_t)vector, types[t], 0};
				struct event now = exception(second);

				assert_int_equal(merge_events(&during, &now), MERGE_DELIVER);
			}
}

static void nothing_under_delivery(void **state)
{
	for (unsigned vector = 0; vector < 32; vector++) {
		struct event during = exception(8), now = exception(vector);

		during.valid = false;
		assert_int_equal(merge_events(&during, &now), MERGE_DELIVER);
	}
}

static void vectors_out_of_range_are_benign(void **state)
{
	struct event during = exception(8), now = exception(200);

	assert_int_equal(merge_events(&during, &now), MERGE_DELIVER);
	assert_int_equal(merge_events(&now, &during), MERGE_DELIVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_pairs),
		cmocka_unit_test(well_known_pairs),
		cmocka_unit_test(interrupts_are_benign),
		cmocka_unit_test(nothing_under_delivery),
		cmocka_unit_test(vectors_out_of_range_are_benign),
	};

	return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
