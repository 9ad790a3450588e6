// SPDX-License-Identifier: MIT
/* The services command and answer: pieces of every size add up to the whole answer, and every loss is counted. */
#include <stdio.h>
#include <string.h>
#include "console/command.h"
#include "log/log.h"
#include "unit.h"
#include "vmcall/caller.h"
#include "vmcall/operator.h"

#define LINE "0123456789 0123456789 0123456789"

/* The output of the command: the lines that are there at once, and those that are made when they are fetched. */
static unsigned at_once, later;
static const char *why;
static void (*line_to)(const char *);
static bool busy;
static int64_t write_error;

bool command_begin(void)
{
	return !busy;
}

void command_end(void)
{
}

void log_reply_to(void (*line)(const char *))
{
	line_to = line;
}

static bool more(enum command_source source, char *text, size_t size)
{
	assert_int_equal(source, COMMAND_GUEST);
	if (!later)
		return false;
	snprintf(text, size, "%s", LINE);
	later--;
	return true;
}

void command_run(struct cpu *cpu, enum command_source source, char *text, struct command_result *result)
{
	(void)cpu;
	assert_int_equal(source, COMMAND_GUEST);
	assert_string_equal(text, "text");
	for (unsigned i = 0; i < at_once; i++)
		line_to(LINE);
	*result = (struct command_result){.name = "name", .why = why, .more = later ? more : NULL};
}

void command_done(char *line, size_t size, const char *name, const char *reason)
{
	snprintf(line, size, "done %s %s", name, reason ? reason : "ok");
}

int64_t operator_take_text(struct vmcall *call, char text[TRAPLINE_TEXT_MAX + 1])
{
	(void)call;
	strcpy(text, "text");
	return 0;
}

int64_t caller_write(struct vmcall *call, uint64_t linear, const void *from, uint64_t n, bool page_in)
{
	(void)call;
	(void)page_in;
	if (!write_error)
		memcpy((void *)linear, from, n);
	return write_error;
}

static int64_t run(unsigned now, unsigned then)
{
	struct vmcall call = {0};

	at_once = now;
	later = then;
	return vmcall_command(&call);
}

static int64_t fetch(int64_t number, char *to, uint64_t room)
{
	struct vmcall call = {.arg = {(uint64_t)to, room, 0, (uint64_t)number, 0}};

	return vmcall_answer(&call);
}

/* Fetches the whole answer in pieces of `room` bytes. */
static char *whole(int64_t number, uint64_t room)
{
	static char text[1 << 20];
	size_t length = 0;
	int64_t n;

	while ((n = fetch(number, text + length, room)) > 0) {
		assert_true((uint64_t)n <= room && n <= 4096);
		length += (size_t)n;
		assert_true(length < sizeof(text) - room);
	}
	assert_int_equal(n, 0);
	text[length] = '\0';
	return text;
}

static unsigned count(const char *text, const char *part)
{
	unsigned n = 0;

	for (; (text = strstr(text, part)); text++)
		n++;
	return n;
}

static void test_pieces(void **state)
{
	(void)state;
	for (uint64_t room = 1; room < 10000; room = room * 3 + 1) {
		char *text = whole(run(5, 500), room);

		assert_int_equal(count(text, LINE "\n"), 505);
		assert_int_equal(count(text, "done name ok\n"), 1);
		assert_int_equal(strlen(text), 505 * sizeof(LINE) + sizeof("done name ok"));
	}
}

static void test_ends(void **state)
{
	(void)state;
	why = "no";
	assert_string_equal(whole(run(0, 0), 100), "done name no\n");
	why = NULL;
	assert_string_equal(whole(run(0, 0), 100), "done name ok\n");
}

static void test_too_much(void **state)
{
	char *text = whole(run(10000, 0), 4096), lost[80];
	unsigned there = count(text, LINE "\n");

	(void)state;
	assert_true(there > 900);
	snprintf(lost, sizeof(lost), "trapline: lost lines=%u\ndone name ok\n", 10000 - there);
	assert_int_equal(count(text, lost), 1);
}

static void test_another(void **state)
{
	char byte;
	int64_t first = run(1, 0), second = run(1, 0);

	(void)state;
	assert_true(first > 0 && second > 0 && first != second);
	assert_int_equal(fetch(first, &byte, 1), TRAPLINE_E_MISSING);
	assert_int_equal(fetch(0, &byte, 1), TRAPLINE_E_MISSING);
	assert_int_equal(fetch(second, &byte, 0), TRAPLINE_E_RANGE);
	assert_int_equal(fetch(second, &byte, 1), 1);
}

/* A fault, or a call while another CPU carries out a command, loses nothing. */
static void test_again(void **state)
{
	char bytes[8];
	int64_t number = run(1, 0);

	(void)state;
	assert_int_equal(fetch(number, bytes, 4), 4);
	write_error = TRAPLINE_E_FAULT;
	assert_int_equal(fetch(number, bytes, 4), TRAPLINE_E_FAULT);
	write_error = 0;
	busy = true;
	assert_true(fetch(number, bytes, 4) == VMCALL_AGAIN);
	assert_true(run(1, 0) == VMCALL_AGAIN);
	busy = false;
	assert_int_equal(fetch(number, bytes, 4), 4);
	assert_memory_equal(bytes, "4567", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_another),
		cmocka_unit_test(test_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
