// SPDX-License-Identifier: MIT
/* What was reported about an earlier end. */
#include "trace/told.h"
#include "unit.h"

static void told_once(void **state)
{
	struct trap_record r = {.seq = 7, .cpu = 1}, other = {.seq = 7, .cpu = 0}, none = {0};
	struct told t = {0};

	assert_false(told_has(&t, &r));
	assert_false(told_has(&t, &none));
	told_note(&t, (struct told_record){7, 1}, &r, 100);
	assert_true(told_has(&t, &r));
	assert_int_equal(t.at, 100);
	assert_false(told_has(&t, &other));
	told_note(&t, (struct told_record){7, 0}, &other, 200);
	assert_false(told_has(&t, &r));
}

/* The first of a burst, then a later one: at the third end the search finds the first again. */
static void told_both(void **state)
{
	struct trap_record first = {.seq = 7, .cpu = 1}, newer = {.seq = 9, .cpu = 0},
			   other = {.seq = 9, .cpu = 1};
	struct told t = {0};

	told_note(&t, (struct told_record){7, 1}, &first, 100);
	told_note(&t, (struct told_record){7, 1}, &newer, 200);
	assert_true(told_has(&t, &first));
	assert_true(told_has(&t, &newer));
	assert_false(told_has(&t, &other));
	told_note(&t, (struct told_record){9, 1}, &other, 300);
	assert_false(told_has(&t, &first));
	assert_false(told_has(&t, &newer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(told_once), cmocka_unit_test(told_both)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
