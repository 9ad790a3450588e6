// SPDX-License-Identifier: MIT
/* src/lib/string.c under other names (freestanding.h), compared with libc's. */
#include <stdlib.h>
#include <string.h>
#include "unit.h"
#include "freestanding.h"

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static void fill(unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(i * 7 + 1);
}

static void copies_exactly(void **state)
{
	unsigned char from[80], to[80], expected[80];

	fill(from, sizeof(from));
	for (size_t n = 0; n <= 64; n++) {
		memset(to, 0xee, sizeof(to));
		memset(expected, 0xee, sizeof(expected));
		memcpy(expected + 8, from + 3, n);
		assert_ptr_equal(tl_memcpy(to + 8, from + 3, n), to + 8);
		assert_memory_equal(to, expected, sizeof(to));
	}
}

/* Every overlap, both directions: each offset from 32 below to 32 above. */
static void moves_over_itself(void **state)
{
	for (int offset = -32; offset <= 32; offset++)
		for (size_t n = 0; n <= 32; n++) {
			unsigned char a[128], b[128];

			fill(a, sizeof(a));
			fill(b, sizeof(b));
			memmove(a + 48 + offset, a + 48, n);
			assert_ptr_equal(tl_memmove(b + 48 + offset, b + 48, n), b + 48 + offset);
			assert_memory_equal(a, b, sizeof(a));
		}
}

static void sets_exactly(void **state)
{
	unsigned char a[40], b[40];

	for (size_t n = 0; n <= 32; n++) {
		fill(a, sizeof(a));
		fill(b, sizeof(b));
		memset(a + 4, 0x1a5, n); /* only the low byte counts */
		assert_ptr_equal(tl_memset(b + 4, 0x1a5, n), b + 4);
		assert_memory_equal(a, b, sizeof(a));
	}
}

static void compares_as_unsigned(void **state)
{
	static const char *const words[] = {
		"", "a", "b", "ab", "abc", "abd", "\x7f", "\x80", "\xff", "a\xff"};

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
		for (unsigned j = 0; j < ARRAY_SIZE(words); j++) {
			const char *a = words[i], *b = words[j];

			assert_int_equal(sign(tl_strcmp(a, b)), sign(strcmp(a, b)));
			for (size_t n = 0; n < 5; n++)
				assert_int_equal(sign(tl_strncmp(a, b, n)), sign(strncmp(a, b, n)));
		}
	assert_true(tl_memcmp("a\0b", "a\0c", 3) < 0);
	assert_true(tl_memcmp("\xff", "\x01", 1) > 0);
	assert_int_equal(tl_memcmp("a\0b", "a\0c", 2), 0);
	assert_int_equal(tl_memcmp("x", "y", 0), 0);
}

static void lengths(void **state)
{
	char text[70];

	for (size_t n = 0; n < sizeof(text); n++) {
		memset(text, 'x', sizeof(text));
		text[n] = '\0';
		assert_int_equal(tl_strlen(text), n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_exactly),
		cmocka_unit_test(moves_over_itself),
		cmocka_unit_test(sets_exactly),
		cmocka_unit_test(compares_as_unsigned),
		cmocka_unit_test(lengths),
	};

	return cmocka_run_group_tests_name("string", tests, NULL, NULL);
}
