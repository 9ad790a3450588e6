/* What of an end was told already. */
#include "trace/told.h"
#include "unit.h"

static void told_once(void **state)
{
	struct trap_record r = {.seq = 7, .cpu = 1}, other = {.seq = 7, .cpu = 0}, none = {0};
	struct told t = {0};

	assert_false(told_has(&t, &r));
	assert_false(told_has(&t, &none));
	told_note(&t, &r, 100);
	assert_true(told_has(&t, &r));
	assert_int_equal(t.at, 100);
	assert_false(told_has(&t, &other));
	told_note(&t, &other, 200);
	assert_false(told_has(&t, &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(told_once)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
