// SPDX-License-Identifier: MIT
/* What was reported about an earlier end. */
#include "trace/reported.h"
#include "unit.h"

static void reported_once(void **state)
{
	struct trap_record r = {.seq = 7, .cpu = 1}, other = {.seq = 7, .cpu = 0}, none = {0};
	struct reported t = {0};

	assert_false(reported_has(&t, &r));
	assert_false(reported_has(&t, &none));
	reported_note(&t, (struct reported_record){7, 1}, &r, 100);
	assert_true(reported_has(&t, &r));
	assert_int_equal(t.at, 100);
	assert_false(reported_has(&t, &other));
	reported_note(&t, (struct reported_record){7, 0}, &other, 200);
	assert_false(reported_has(&t, &r));
}

/* The first of a burst, then a later one: at the third end the search finds the first again. */
static void reported_both(void **state)
{
	struct trap_record first = {.seq = 7, .cpu = 1}, newer = {.seq = 9, .cpu = 0},
			   other = {.seq = 9, .cpu = 1};
	struct reported t = {0};

	reported_note(&t, (struct reported_record){7, 1}, &first, 100);
	reported_note(&t, (struct reported_record){7, 1}, &newer, 200);
	assert_true(reported_has(&t, &first));
	assert_true(reported_has(&t, &newer));
	assert_false(reported_has(&t, &other));
	reported_note(&t, (struct reported_record){9, 1}, &other, 300);
	assert_false(reported_has(&t, &first));
	assert_false(reported_has(&t, &newer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(reported_once), cmocka_unit_test(reported_both)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
