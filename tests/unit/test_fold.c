// SPDX-License-Identifier: MIT
/* Folded repetitions of exits. */
#include <stdio.h>
#include <string.h>
#include "trace/fold.h"
#include "unit.h"

#define ENTRIES 32

static struct exit_entry entries[ENTRIES];
static struct fold_list list = {entries, 5, ENTRIES};
static char out[512];

/* Entry i, from the oldest on: a letter stands for reason and address. */
static void fill(const char *letters)
{
	memset(entries, 0, sizeof(entries));
	for (unsigned i = 0; i < strlen(letters); i++)
		entries[(list.start + i) % ENTRIES] =
			(struct exit_entry){.rip = 0x1000u + (uint8_t)letters[i],
				.reason = (uint8_t)letters[i],
				.tsc = letters[i] == '.' ? 0 : i + 1};
}

static void take(void *context, const struct fold_line *line)
{
	size_t n = strlen(out);

	snprintf(out + n, sizeof(out) - n, "%c%lu-%lu*%u ", (char)line->exit->reason, line->exit->tsc,
		line->last->tsc, line->rounds);
}

static const char *fold(const char *letters)
{
	fill(letters);
	out[0] = 0;
	fold_walk(&list, take, NULL);
	return out;
}

static void folded(void **state)
{
	assert_string_equal(fold("abc"), "a1-1*1 b2-2*1 c3-3*1 ");
	assert_string_equal(fold("aabb"), "a1-1*1 a2-2*1 b3-3*1 b4-4*1 ");
	assert_string_equal(fold("xaaaaay"), "x1-1*1 a2-6*5 y7-7*1 ");
	assert_string_equal(fold("abababc"), "a1-5*3 b2-6*3 c7-7*1 ");
	assert_string_equal(fold("abcdabcdabcdab"), "a1-9*3 b2-10*3 c3-11*3 d4-12*3 a13-13*1 b14-14*1 ");
	/* Longer loops are not detected. */
	assert_string_equal(fold("abcdeabcdeabcde"),
		"a1-1*1 b2-2*1 c3-3*1 d4-4*1 e5-5*1 a6-6*1 b7-7*1 c8-8*1 d9-9*1 e10-10*1 a11-11*1 b12-12*1 "
		"c13-13*1 d14-14*1 e15-15*1 ");
}

/* The oldest entry may be anywhere in the ring; a full ring is not read beyond its end. */
static void whole_ring(void **state)
{
	char letters[ENTRIES + 1] = "";

	memset(letters, 'a', ENTRIES);
	assert_string_equal(fold(letters), "a1-32*32 ");
	letters[ENTRIES - 1] = 'b';
	assert_string_equal(fold(letters), "a1-31*31 b32-32*1 ");
}

/* The same reason at another address, or with another qualifier, is a different exit. */
static void same(void **state)
{
	fill("aaaa");
	entries[(list.start + 1) % ENTRIES].rip++;
	entries[(list.start + 2) % ENTRIES].qualifier = 1;
	out[0] = 0;
	fold_walk(&list, take, NULL);
	assert_string_equal(out, "a1-1*1 a2-2*1 a3-3*1 a4-4*1 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folded),
		cmocka_unit_test(whole_ring),
		cmocka_unit_test(same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
