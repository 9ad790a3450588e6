// SPDX-License-Identifier: MIT
/*
 * The vector list against the manuals: SDM vol. 3A table 6-1 and APM vol. 2 table 8-1, written here
 * in another form.
 */
#include <stdbool.h>
#include <string.h>
#include "unit.h"
#include "trace/vector.h"

static void names_are_the_manuals(void **state)
{
	static const char *const expected[VECTOR_COUNT] = {"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD",
		"#NM", "#DF", "#9", "#TS", "#NP", "#SS", "#GP", "#PF", "#15", "#MF", "#AC", "#MC", "#XM",
		"#VE", "#CP", "#22", "#23", "#24", "#25", "#26", "#27", "#HV", "#VC", "#SX", "#31"};

	for (unsigned i = 0; i < VECTOR_COUNT; i++)
		assert_string_equal(vector_name(i), expected[i]);
	assert_null(vector_name(32));
	assert_null(vector_name(255));
	assert_null(vector_name(UINT32_MAX));
}

static void error_codes(void **state)
{
	/* #DF, #TS, #NP, #SS, #GP, #PF, #AC, #CP, #VC, #SX */
	const uint32_t with_error = 1u << 8 | 0x1fu << 10 | 1u << 17 | 1u << 21 | 1u << 29 | 1u << 30;

	for (unsigned i = 0; i < VECTOR_COUNT; i++)
		assert_int_equal(vector_has_error(i), with_error >> i & 1);
	assert_false(vector_has_error(32));
	assert_false(vector_has_error(32 + 14));
}

static void numbers_match_positions(void **state)
{
	assert_int_equal(VEC_DE, 0);
	assert_int_equal(VEC_DF, 8);
	assert_int_equal(VEC_PF, 14);
	assert_int_equal(VEC_XM, 19);
	assert_int_equal(VEC_CP, 21);
	assert_int_equal(VEC_SX, 30);
	assert_string_equal(vector_table[VEC_PF].name, "page fault");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_the_manuals),
		cmocka_unit_test(error_codes),
		cmocka_unit_test(numbers_match_positions),
	};

	return cmocka_run_group_tests_name("vector", tests, NULL, NULL);
}
