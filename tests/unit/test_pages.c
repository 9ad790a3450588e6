// SPDX-License-Identifier: MIT
/* A report's pages: the ends of rows and pages, text that does not fit, and the keys and times that turn pages. */
#include <stdio.h>
#include <string.h>
#include "unit.h"
#include "lib/array.h"
#include "log/pages.h"

#define KHZ 1000u

static struct pages pages;

static void expect_row(unsigned n, const char *text)
{
	assert_in_range(n, 0, pages.row_count - 1);
	if (pages.row[n].length != strlen(text) ||
		memcmp(pages.text + pages.row[n].at, text, pages.row[n].length) != 0)
		fail_msg("row %u is \"%.*s\", not \"%s\"", n, (int)pages.row[n].length,
			pages.text + pages.row[n].at, text);
}

static void rows_end_at_blanks(void **state)
{
	pages_begin(&pages, 10, 3);
	assert_int_equal(pages_count(&pages), 1);
	pages_add(&pages, "0123456789");       /* as long as a row */
	pages_add(&pages, "");                 /* an empty line is a row */
	pages_add(&pages, "012 456 89 ab");    /* the word that does not fit moves */
	pages_add(&pages, "0123456789 bcd");   /* the blank between two rows is neither's */
	pages_add(&pages, "0123456789abcdef"); /* a word longer than a row is cut */
	pages_add(&pages, "012 456789a");      /* and one that would leave half of the row empty */
	pages_add(&pages, "a\nb\n");
	const char *const rows[] = {"0123456789", "", "012 456 89", "ab", "0123456789", "bcd", "0123456789",
		"abcdef", "012 456789", "a", "a", "b"};

	assert_int_equal(pages.row_count, ARRAY_SIZE(rows));
	for (unsigned i = 0; i < pages.row_count; i++)
		expect_row(i, rows[i]);
	assert_int_equal(pages_count(&pages), 4);
	pages_add(&pages, "one more page");
	assert_int_equal(pages_count(&pages), 5);
}

static void narrowest_screen(void **state)
{
	pages_begin(&pages, 1, 1);
	pages_add(&pages, "a b");
	expect_row(0, "a");
	expect_row(1, "b");
	assert_int_equal(pages_count(&pages), 2);
}

/* First the text is full, then the rows: the beginning stays, and the last row says that lines are missing. */
static void no_room(void **state)
{
	static char line[1001];

	memset(line, 'x', 1000);
	pages_begin(&pages, 1000, 50);
	for (unsigned i = 0; i < 100; i++)
		pages_add(&pages, line);
	assert_true(pages.full);
	assert_in_range(pages.length, PAGES_TEXT_MAX - 1100, PAGES_TEXT_MAX);
	expect_row(0, line);
	expect_row(pages.row_count - 1, "(more lines did not fit here)");

	pages_begin(&pages, 12, 50);
	for (unsigned i = 0; i < 2 * PAGES_ROWS_MAX; i++)
		pages_add(&pages, "y");
	assert_int_equal(pages.row_count, PAGES_ROWS_MAX);
	expect_row(pages.row_count - 1, "(more lines ");
}

/* The keys of a text in one set's codes: '.' next, '<' back, ' ' nothing. */
static void expect_keys(const char *bytes, const char *keys)
{
	struct page_keyboard keyboard = {0};

	assert_int_equal(strlen(bytes), strlen(keys));
	for (unsigned i = 0; bytes[i]; i++) {
		enum page_key key = page_keyboard_byte(&keyboard, (uint8_t)bytes[i]);
		char is = key == PAGE_KEY_NEXT ? '.' : key == PAGE_KEY_BACK ? '<' : ' ';

		if (is != keys[i])
			fail_msg("byte %u, 0x%02x, is '%c', not '%c'", i, (uint8_t)bytes[i], is, keys[i]);
	}
}

static void scan_codes(void **state)
{
	expect_keys("\x39\xb9\x0e\x8e\x49\xc9", ". < < "); /* set 1: space, backspace, page up, each let go */
	expect_keys("\xe0\x49\xe0\xc9", " <  ");           /* the grey page up */
	expect_keys("\x29\xf0\x29\x66\xf0\x66", ".  <  "); /* set 2: space, backspace */
	expect_keys("\xe0\x7d\xe0\xf0\x7d\x5a", " <   ."); /* the grey page up, then enter */
	expect_keys("\xfa\xaa\xfe\xff", "    ");           /* what a keyboard answers, or none */
}

static void turns(void **state)
{
	struct pager pager = {.turned = 1000};
	uint64_t now = 1000, pause = KHZ * PAGER_KEY_PAUSE, wait = KHZ * 1000ull * PAGER_SECONDS;

	assert_false(pager_turn(&pager, PAGE_KEY_NONE, now + wait - 1, KHZ, 3));
	assert_true(pager_turn(&pager, PAGE_KEY_NONE, now += wait, KHZ, 3)); /* by itself */
	assert_int_equal(pager.page, 1);
	assert_false(
		pager_turn(&pager, PAGE_KEY_NEXT, now + pause - 1, KHZ, 3)); /* a key that is held down */
	assert_true(pager_turn(&pager, PAGE_KEY_NEXT, now += pause, KHZ, 3));
	assert_int_equal(pager.page, 2);
	assert_false(pager_turn(&pager, PAGE_KEY_NONE, now + 10 * wait, KHZ, 3)); /* somebody reads */
	assert_true(pager_turn(&pager, PAGE_KEY_NEXT, now += pause, KHZ, 3));
	assert_int_equal(pager.page, 0); /* around */
	assert_true(pager_turn(&pager, PAGE_KEY_BACK, now += pause, KHZ, 3));
	assert_int_equal(pager.page, 2);
	assert_true(pager_turn(&pager, PAGE_KEY_BACK, now += pause, KHZ, 3));
	assert_int_equal(pager.page, 1);
}

static void footer(void **state)
{
	static const struct {
		bool by_hand, keys;
		const char *text;
	} rows[] = {
		{false, true,
			"page 2/3   next: any key, or by itself in 15 s   back: Backspace   done: reset"},
		{false, false, "page 2/3   next: by itself in 15 s   done: reset"},
		{true, true, "page 2/3   next: any key   back: Backspace   done: reset"},
	};
	char text[120];

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pager pager = {.page = 1, .by_hand = rows[i].by_hand};

		pager_footer(&pager, text, sizeof(text), 3, rows[i].keys);
		assert_string_equal(text, rows[i].text);
		assert_in_range(strlen(text), 0, 80); /* the narrowest screen has 640 pixels */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_end_at_blanks),
		cmocka_unit_test(narrowest_screen),
		cmocka_unit_test(no_room),
		cmocka_unit_test(scan_codes),
		cmocka_unit_test(turns),
		cmocka_unit_test(footer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
