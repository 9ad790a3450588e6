// SPDX-License-Identifier: MIT
/* Whether memory survives a reset: the state of a page, what is known after each start, and the line that is printed. */
#include <stdlib.h>
#include <string.h>
#include "unit.h"
#include "lib/array.h"
#include <boot/blackbox_layout.h>
#include "canary.h"

#define BITS (BLACKBOX_CANARY_WORDS * 64u)

static uint64_t words[BLACKBOX_CANARY_WORDS];

static void lay(void)
{
	for (unsigned i = 0; i < BLACKBOX_CANARY_WORDS; i++)
		words[i] = blackbox_canary(i);
}

/* Memory cells lose their charge one by one; the cells of a row all become the same. */
static void decay(unsigned percent)
{
	srand(1);
	for (unsigned bit = 0; bit < BITS; bit++)
		if ((unsigned)rand() % 100 < percent)
			words[bit / 64] &= ~(1ull << bit % 64);
}

static void noise(unsigned seed)
{
	srand(seed);
	for (unsigned i = 0; i < BLACKBOX_CANARY_WORDS; i++)
		words[i] = (uint64_t)rand() << 62 ^ (uint64_t)rand() << 31 ^ (uint64_t)rand();
}

static void pattern_is_balanced(void **state)
{
	unsigned ones = 0;

	lay();
	for (unsigned i = 0; i < BLACKBOX_CANARY_WORDS; i++)
		ones += (unsigned)__builtin_popcountll(words[i]);
	assert_in_range(ones, BITS * 48 / 100, BITS * 52 / 100);
}

static void looks(void **state)
{
	lay();
	assert_int_equal(canary_check(words), CANARY_WHOLE);
	words[7] ^= 0x10; /* a bad cell */
	assert_int_equal(canary_check(words), CANARY_WHOLE);
	for (unsigned percent = 1; percent <= 70; percent++) { /* half of the lost cells held a zero before */
		lay();
		decay(percent);
		assert_int_equal(canary_check(words), CANARY_DECAYED);
	}
	memset(words, 0, sizeof(words));
	assert_int_equal(canary_check(words), CANARY_CLEARED);
	memset(words, 0xff, sizeof(words));
	assert_int_equal(canary_check(words), CANARY_CLEARED);
	memset(words, 0xa5, sizeof(words));
	assert_int_equal(canary_check(words), CANARY_CLEARED);
	words[0] ^= 1;
	assert_int_equal(canary_check(words), CANARY_OTHER);
	for (unsigned seed = 0; seed < 1000; seed++) { /* memory encryption with another key */
		noise(seed);
		assert_int_equal(canary_check(words), CANARY_OTHER);
	}
	for (unsigned i = 0; i < BLACKBOX_CANARY_WORDS; i++)
		words[i] = i % 2 ? ~0ull : 0; /* rows without power */
	assert_int_equal(canary_check(words), CANARY_OTHER);
}

/* What is known after each sequence: W whole, D decayed, C cleared, O other; a small letter means that a reset certainly preceded. */
static uint8_t learn(const char *starts, unsigned *writes)
{
	uint8_t known = CANARY_FIRST;

	*writes = 0;
	for (; *starts; starts++) {
		char c = *starts;
		bool reset = c >= 'a';
		enum canary_seen seen = (c & 0xdf) == 'W'   ? CANARY_WHOLE
					: (c & 0xdf) == 'D' ? CANARY_DECAYED
					: (c & 0xdf) == 'C' ? CANARY_CLEARED
							    : CANARY_OTHER;
		uint8_t now = canary_learn(known, seen, reset);

		*writes += now != known;
		known = now;
	}
	return known;
}

static void learns(void **state)
{
	static const struct {
		const char *starts;
		uint8_t known;
		unsigned writes;
	} rows[] = {
		{"O", 1, 1},                            /* the first start */
		{"CO", 2, 2},                           /* the power may have been off */
		{"OOOOOOOOOOOOOOOO", CANARY_STARTS, 5}, /* flash is written a few times only */
		{"OW", CANARY_SURVIVES, 2},
		{"OWOCDWOOO", CANARY_SURVIVES, 2}, /* power-off does not change that */
		{"Oc", CANARY_LOST, 2},            /* a reset for certain, and the pattern is gone */
		{"Wo", CANARY_LOST, 2},            /* other firmware, another setting */
		{"OoOOO", CANARY_LOST, 2},
		{"OoW", CANARY_SURVIVES, 3},
		{"DDD", 3, 3},
	};
	unsigned writes;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t known = learn(rows[i].starts, &writes);

		if (known != rows[i].known || writes != rows[i].writes)
			fail_msg("%s: known %u after %u writes", rows[i].starts, known, writes);
	}
}

/* Values that another writer may have left in the variable. */
static void any_variable(void **state)
{
	char line[300];

	for (unsigned known = 0; known < 256; known++)
		for (unsigned seen = CANARY_OTHER; seen <= CANARY_WHOLE; seen++) {
			uint8_t now = canary_learn((uint8_t)known, seen, false);

			assert_true(now == CANARY_SURVIVES || now == CANARY_LOST ||
				    (now >= 1 && now <= CANARY_STARTS));
			canary_words(line, sizeof(line), now, seen, false, true);
			assert_true(strlen(line) < sizeof(line) - 1);
		}
}

static void expect_words(const char *words_, uint8_t known, enum canary_seen seen, bool found, bool mor)
{
	char line[256];

	canary_words(line, sizeof(line), known, seen, found, mor);
	if (!strstr(line, words_))
		fail_msg("\"%s\" is not in \"%s\"", words_, line);
	assert_int_equal(!found, !!strstr(line, "black box: no report of a last run"));
}

static void says(void **state)
{
	expect_words("is not known yet (first start)", 1, CANARY_CLEARED, false, false);
	expect_words("is not known yet", 2, CANARY_OTHER, false, false);
	expect_words("(it was half decayed)", 2, CANARY_DECAYED, false, false);
	expect_words("(it was cleared)", 3, CANARY_CLEARED, false, false);
	expect_words("MOR", CANARY_SURVIVES, CANARY_CLEARED, false, true);
	expect_words("memory survives a reset on this machine", CANARY_SURVIVES, CANARY_WHOLE, true, false);
	expect_words(": the power was off; memory survives", CANARY_SURVIVES, CANARY_OTHER, false, false);
	expect_words("(but its black box did not)", CANARY_SURVIVES, CANARY_WHOLE, false, false);
	expect_words("does not survive a reset on this machine (it holds something else); cmos=", CANARY_LOST,
		CANARY_OTHER, false, false);
	expect_words("as always so far", CANARY_STARTS, CANARY_OTHER, false, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pattern_is_balanced),
		cmocka_unit_test(looks),
		cmocka_unit_test(learns),
		cmocka_unit_test(any_variable),
		cmocka_unit_test(says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
