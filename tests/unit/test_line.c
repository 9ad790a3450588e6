// SPDX-License-Identifier: MIT
/* The line editor: keys in, the finished line and the terminal's view out. */
#include <string.h>
#include "unit.h"
#include "console/line.h"

static struct line line;
static char screen[1 << 16];
static size_t shown;

static void put(const char *bytes, size_t n)
{
	if (shown + n < sizeof(screen)) {
		memcpy(screen + shown, bytes, n);
		shown += n;
	}
	screen[shown] = '\0';
}

static int setup(void **state)
{
	line = (struct line){.prompt = "> ", .put = put};
	line_begin(&line);
	shown = 0;
	screen[0] = '\0';
	return 0;
}

/* Types keys. Returns the last event. */
static enum line_event keys(const char *text)
{
	enum line_event e = LINE_NOTHING;

	for (; *text; text++)
		e = line_key(&line, *text);
	return e;
}

static void edits(void **state)
{
	static const struct {
		const char *typed, *text;
	} rows[] = {
		{"stop\r", "stop"},
		{"stop\n", "stop"},
		{"stpo\b\bop\r", "stop"},
		{"stpo\x7f\x7fop\r", "stop"},
		{"top\x01s\r", "stop"},
		{"top\x1b[Hs\r", "stop"},
		{"top\x1b[1~s\r", "stop"},
		{"top\x1bOHs\r", "stop"},
		{"sop\x1b[D\x1b[Dt\r", "stop"},
		{"sxtop\x01\x1b[C\x1b[3~\r", "stop"},
		{"sxtop\x01\x06\x04\r", "stop"},
		{"sto\x01\x05p\r", "stop"},
		{"mem 0x10 \x17stop\r", "mem stop"},
		{"garbage\x15stop\r", "stop"},
		{"stopping\x02\x02\x02\x02\x0b\r", "stop"},
		{"\b\b\x7f\x1b[D\x1b[C\x1b[3~\x04\x17\x15\x0bstop\r", "stop"},
		{"s\x01\x02\x03stop\r", "stop"}, /* ^C begins again */
		{"st\x80\xff\x1b[99;5Xop\r", "stop"},
		{"stop\x1b\r", "stop"},
		{"stop\x1b[\r", "stop"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(state);
		assert_int_equal(keys(rows[i].typed), LINE_READY);
		assert_string_equal(line.text, rows[i].text);
	}
}

static void history(void **state)
{
	static const char *const typed[] = {"one\r", "two\r", "two\r", "\r"};

	for (size_t i = 0; i < ARRAY_SIZE(typed); i++) {
		assert_int_equal(keys(typed[i]), LINE_READY);
		line_begin(&line);
	}
	keys("\x1b[A");
	assert_string_equal(line.text, "two");
	keys("\x1b[A");
	assert_string_equal(line.text, "one");
	keys("\x1b[A"); /* there is no older one */
	assert_string_equal(line.text, "one");
	keys("\x0e");
	assert_string_equal(line.text, "two");
	keys("\x1b[B");
	assert_string_equal(line.text, "");
	keys("\x10 more\r");
	assert_string_equal(line.text, "two more");
}

static void history_turns_over(void **state)
{
	for (char c = 'a'; c < 'a' + LINE_HISTORY + 4; c++) {
		line_key(&line, c);
		line_key(&line, '\r');
		line_begin(&line);
	}
	for (unsigned i = 0; i < 2 * LINE_HISTORY; i++)
		keys("\x1b[A");
	assert_string_equal(line.text, "e");
}

static void cr_lf_is_one_end(void **state)
{
	assert_int_equal(keys("go\r"), LINE_READY);
	line_begin(&line);
	assert_int_equal(line_key(&line, '\n'), LINE_NOTHING);
	assert_int_equal(line_key(&line, '\n'), LINE_READY);
}

static void too_long(void **state)
{
	for (unsigned i = 0; i < 5000; i++)
		assert_int_equal(line_key(&line, 'x'), LINE_NOTHING);
	assert_int_equal(strlen(line.text), LINE_TEXT_MAX - 1);
	assert_int_equal(line_key(&line, '\r'), LINE_TOO_LONG);
	line_begin(&line);
	assert_int_equal(keys("stop\r"), LINE_READY);
	assert_string_equal(line.text, "stop");
}

static void echo(void **state)
{
	keys("ab");
	assert_string_equal(screen, "ab");
	keys("\x1b[D");
	assert_string_equal(screen, "ab\r> ab\x1b[K\r> a");
}

static void no_echo(void **state)
{
	line.put = NULL;
	assert_int_equal(keys("ab\x1b[Dc\r"), LINE_READY);
	assert_string_equal(line.text, "acb");
	assert_int_equal(shown, 0);
}

static void completion(void **state)
{
	assert_int_equal(keys("st\t"), LINE_TAB);
	line_insert(&line, "op ");
	assert_string_equal(line.text, "stop ");
}

/* Only right after a Tab, whatever text the caller has inserted. */
static void second_tab(void **state)
{
	assert_int_equal(keys("s\t"), LINE_TAB);
	line_insert(&line, "t");
	assert_int_equal(keys("\t"), LINE_TAB_AGAIN);
	assert_int_equal(keys("\t"), LINE_TAB_AGAIN);
	assert_int_equal(keys("a\t"), LINE_TAB);
	assert_int_equal(keys("\x1b[D\t"), LINE_TAB);
	assert_string_equal(line.text, "sta");
}

/* Any bytes: the line stays a string, and a newline ends it. */
static void noise(void **state)
{
	unsigned seed = 7;

	for (unsigned i = 0; i < 2000000; i++) {
		seed = seed * 1103515245 + 12345;
		switch (line_key(&line, (char)(seed >> 16))) {
		case LINE_READY:
		case LINE_TOO_LONG:
			line_begin(&line);
			break;
		default:
			break;
		}
		assert_true(line.cursor <= line.length && line.length < LINE_TEXT_MAX);
		assert_int_equal(line.text[line.length], '\0');
		shown = 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(edits, setup),
		cmocka_unit_test_setup(history, setup),
		cmocka_unit_test_setup(history_turns_over, setup),
		cmocka_unit_test_setup(cr_lf_is_one_end, setup),
		cmocka_unit_test_setup(too_long, setup),
		cmocka_unit_test_setup(echo, setup),
		cmocka_unit_test_setup(no_echo, setup),
		cmocka_unit_test_setup(completion, setup),
		cmocka_unit_test_setup(second_tab, setup),
		cmocka_unit_test_setup(noise, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
