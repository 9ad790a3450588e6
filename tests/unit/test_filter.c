// SPDX-License-Identifier: MIT
/* The grammar of filters, and the records that each condition lets through. */
#include <stdio.h>
#include <string.h>
#include "unit.h"
#include "trace/filter.h"
#include "trace/tokens.h"

static struct filter parsed(const char *words)
{
	struct filter f;
	char text[256];
	const char *bad;

	filter_init(&f, UINT32_MAX);
	snprintf(text, sizeof(text), "%s", words);
	assert_null(filter_parse(&f, text, &bad));
	return f;
}

static const struct trap_record page_fault = {
	.vector = 14,
	.type = TRAP_TYPE_EXCEPTION,
	.cpl = 3,
	.cpu = 2,
	.rip = 0x401000,
	.cr0 = 0x80000001,
	.cr3 = 0x12345003,
	.error_code = 6,
	.flags = TRAP_HAS_ERROR,
};

static void conditions(void **state)
{
	static const struct {
		const char *words;
		bool match;
	} rows[] = {
		{"", true},
		{"vec=pf", true},
		{"vec=#PF", true},
		{"vec=14", true},
		{"vec=-pf", false},
		{"vec=all,-pf", false},
		{"vec=ud,gp", false},
		{"vec!=ud,gp", true},
		{"vec=none", false},
		{"vec=none vec=+pf", true},
		{"cpl=3", true},
		{"cpl=0-2", false},
		{"cpl!=0-2", true},
		{"cpl!=3 cpl=any", true},
		{"cpu=2", true},
		{"cpu=0-1", false},
		{"rip=0x401000", true},
		{"rip=0x400000-0x4fffff", true},
		{"rip!=0x400000-0x4fffff", false},
		{"rip=0x401001-0xffffffffffffffff", false},
		{"cr3=0x12345000", true},
		{"cr3=0x12345003", true},
		{"cr3=0x12345001", false},
		{"as=0x12345000", true},
		{"as!=0x12345000", false},
		{"as=0x12345003", false},
		{"err=0x2", true},
		{"err=0x6", true},
		{"err=0x1", false},
		{"err!=0x1", true},
		{"err=0x4 err!=0x2", false},
		{"vec=pf cpl=3 err=0x4 rip=0x401000", true},
		{"vec=pf cpl=3 err=0x4 rip=0x401001", false},
		{"cpl=0 rip=1 all", true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct filter f = parsed(rows[i].words);

		if (filter_match(&f, &page_fault) != rows[i].match)
			fail_msg("%s", rows[i].words);
	}
}

static void no_error_code_matches_no_error_condition(void **state)
{
	struct trap_record r = page_fault;
	struct filter f = parsed("err!=0x1");

	r.flags = 0;
	assert_false(filter_match(&f, &r));
}

/* Firmware has one address space: its records are on neither side. */
static void no_space_matches_no_condition_on_spaces(void **state)
{
	struct trap_record r = page_fault;
	struct filter is = parsed("as=0x12345000"), is_not = parsed("as!=0x1000");

	r.cpl = 0;
	assert_false(filter_match(&is, &r));
	assert_false(filter_match(&is_not, &r));
}

static void marks_pass(void **state)
{
	struct trap_record r = {.type = TRAP_TYPE_MARK};
	struct filter f = parsed("vec=none cpl=3");

	assert_true(filter_match(&f, &r));
}

/* A hit has no vector, and an exception no watch. */
static void hits(void **state)
{
	static const struct {
		const char *words;
		bool hit, fault;
	} rows[] = {
		{"", true, true},
		{"watch=3", true, false},
		{"watch=1-2", false, false},
		{"watch!=3", false, false},
		{"watch!=4", true, false},
		{"watch=3 vec=none", true, false},
		{"vec=pf", false, true},
		{"important", false, true},
		{"err=6", false, true},
		{"cpl=3", true, true},
		{"cpl=0", false, false},
	};
	struct trap_record hit = page_fault;

	hit.type = TRAP_TYPE_WATCH;
	hit.flags = 0;
	hit.watch_id = 3;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct filter f = parsed(rows[i].words);

		assert_int_equal(filter_match(&f, &hit), rows[i].hit);
		assert_int_equal(filter_match(&f, &page_fault), rows[i].fault);
	}
}

static void refused(void **state)
{
	static const char *const rows[] = {"x", "vec", "vec=", "vec=zz", "vec=32", "vec=pf,", "cpl=4",
		"cpl=", "cpl=2-1", "cpu=1024", "rip=", "rip=0x", "rip=1-", "rip=0x10000000000000000", "cr3=x",
		"as=", "err=", "err=0x100000000", "err=1 err!=1", "rate=x", "rate!=5", "rate=9999999",
		"foo=1", "!=3", "=", "!", "cpl!", "vecs=pf", "ve=pf", "rip=-",
		"a=1 b c d e f g h i j k l m n"};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct filter f, before;
		const char *bad = NULL;
		char text[256];

		filter_init(&f, 7);
		before = f;
		snprintf(text, sizeof(text), "%s", rows[i]);
		if (!filter_parse(&f, text, &bad))
			fail_msg("%s was taken", rows[i]);
		assert_non_null(bad);
		assert_memory_equal(&f, &before, sizeof(f));
	}
}

static void format_gives_what_parse_took(void **state)
{
	static const char *const rows[] = {"vec=all", "vec=none", "vec=DE,UD", "vec=all,-PF",
		"vec=PF cpl=0-2 cpu=3 rip!=0x1000-0x1fff cr3=0x5000 as=0x5000 err=0x2 err!=0x1 rate=50"};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct filter f = parsed(rows[i]);
		char buf[256];
		struct text t = text_on(buf, sizeof(buf));

		filter_format(&t, &f);
		assert_string_equal(buf, rows[i]);
	}
}

static void rate(void **state)
{
	struct filter_rate r = {0};
	const uint64_t second = 1000000;
	uint64_t now = 5 * second;
	unsigned lines = 0;

	for (unsigned i = 0; i < 5000; i++)
		lines += filter_allow(&r, 10, 50, now, second);
	assert_int_equal(lines, 50);
	assert_int_equal(filter_next(&r, 10, second), now + second / 10);
	for (lines = 0; now < 6 * second; now += 100)
		lines += filter_allow(&r, 10, 50, now, second);
	assert_in_range(lines, 9, 11);
	assert_true(filter_allow(&r, 0, 50, now, second));
}

static void words(void **state)
{
	char text[] = "  message  hello   there ", copy[sizeof(text)];
	struct tokens w;

	tokens_split(&w, text, copy);
	assert_int_equal(w.count, 3);
	assert_string_equal(w.at[0], "message");
	assert_string_equal(w.at[2], "there");
	assert_string_equal(w.rest[1], "hello   there ");
}

/* Any text either works or is rejected. */
static void noise(void **state)
{
	static const char letters[] = "vecpluripr3rate=!-,0x19 af#";
	unsigned seed = 1;

	for (unsigned i = 0; i < 200000; i++) {
		struct filter f;
		const char *bad;
		char text[24];

		filter_init(&f, 0);
		for (unsigned n = 0; n < sizeof(text) - 1; n++) {
			seed = seed * 1103515245 + 12345;
			text[n] = letters[(seed >> 16) % (sizeof(letters) - 1)];
		}
		text[sizeof(text) - 1] = '\0';
		filter_parse(&f, text, &bad);
		filter_match(&f, &page_fault);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions),
		cmocka_unit_test(no_error_code_matches_no_error_condition),
		cmocka_unit_test(no_space_matches_no_condition_on_spaces),
		cmocka_unit_test(marks_pass),
		cmocka_unit_test(hits),
		cmocka_unit_test(refused),
		cmocka_unit_test(format_gives_what_parse_took),
		cmocka_unit_test(rate),
		cmocka_unit_test(words),
		cmocka_unit_test(noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
