// SPDX-License-Identifier: MIT
/* The distance of two words: cases by hand, and all short words against the definition. */
#include <string.h>
#include "unit.h"
#include "edits.h"
#include "lib/array.h"

static unsigned between(const char *a, const char *b)
{
	return edits(a, strlen(a), b, strlen(b));
}

static void by_hand(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned is;
	} cases[] = {
		{"", "", 0}, {"", "ring", 4}, {"ring", "ring", 0}, {"RING", "ring", 0}, {"rings", "ring", 1},
		{"rin", "ring", 1}, {"rang", "ring", 1}, {"rnig", "ring", 1},
		{"hide-console", "hide_console", 1}, {"blakcbox_fiel", "blackbox_file", 2},
		{"colour", "console", 4}, {"ca", "abc", 3}, /* a swapped pair is not edited again */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (between(cases[i].a, cases[i].b) != cases[i].is)
			fail_msg("%s, %s: %u, not %u", cases[i].a, cases[i].b,
				between(cases[i].a, cases[i].b), cases[i].is);
}

static void long_words(void **state)
{
	char word[EDITS_WORD_MAX + 2];

	memset(word, 'x', sizeof(word));
	assert_int_equal(edits(word, EDITS_WORD_MAX, word, EDITS_WORD_MAX), 0);
	assert_int_equal(edits(word, EDITS_WORD_MAX, "", 0), EDITS_WORD_MAX);
	assert_int_equal(edits(word, EDITS_WORD_MAX + 1, word, EDITS_WORD_MAX), EDITS_FAR);
	assert_int_equal(edits("", 0, word, EDITS_WORD_MAX + 1), EDITS_FAR);
	assert_int_equal(edits(word, SIZE_MAX, word, 1), EDITS_FAR);
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* The definition, from the ends of the words. */
static unsigned defined(const char *a, size_t m, const char *b, size_t n)
{
	if (!m || !n)
		return (unsigned)(m + n);
	unsigned d = defined(a, m - 1, b, n - 1) + (a[m - 1] != b[n - 1]);
	d = least(d, least(defined(a, m - 1, b, n), defined(a, m, b, n - 1)) + 1);
	if (m > 1 && n > 1 && a[m - 1] == b[n - 2] && a[m - 2] == b[n - 1])
		d = least(d, defined(a, m - 2, b, n - 2) + 1);
	return d;
}

static void spell(char word[5], unsigned number, size_t len)
{
	for (size_t i = 0; i < len; i++, number /= 3)
		word[i] = (char)('a' + number % 3);
	word[len] = '\0';
}

/* All words of four letters and of three, made of a, b and c. */
static void as_defined(void **state)
{
	for (unsigned i = 0; i < 81; i++)
		for (unsigned j = 0; j < 27; j++) {
			char a[5], b[5];

			spell(a, i, 4);
			spell(b, j, 3);
			if (between(a, b) != defined(a, 4, b, 3) || between(b, a) != defined(b, 3, a, 4))
				fail_msg("%s, %s: %u", a, b, between(a, b));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_hand),
		cmocka_unit_test(long_words),
		cmocka_unit_test(as_defined),
	};

	return cmocka_run_group_tests_name("edits", tests, NULL, NULL);
}
