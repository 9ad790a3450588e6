// SPDX-License-Identifier: MIT
/* trapctl bench: what is refused before it measures, and the marks around a measurement. The source is included. */
#define _GNU_SOURCE
#include "unit.h"
#undef fail /* cmocka's; trapctl has a function of this name */
#include <stdio.h>
#include <stdlib.h>

static char said[4096];

static int fake_fprintf(FILE *to, const char *format, ...)
{
	va_list list;
	int n;

	va_start(list, format);
	n = vsnprintf(said, sizeof(said), format, list);
	va_end(list);
	return to == stderr ? n : fputs(said, to);
}

#define fprintf fake_fprintf
#include "../../guest-tools/trapctl/cmd_bench.c"
#undef fprintf

static char folder[] = "/tmp/trapctl-bench-XXXXXX", path[sizeof(folder) + 8];
static char marks[256];
static unsigned measured, written;
static int refusal; /* errno of the measurement; 0: it is done */

bool json;

bool bench_measure(struct bench *b, const char **why)
{
	measured++;
	errno = refusal;
	*why = NULL;
	return !refusal;
}

const char *bench_read(FILE *in, struct bench *b)
{
	return NULL;
}

void bench_write(const struct bench *b, bench_taker *take, void *to)
{
	written++;
	take(to, "a run");
}

void bench_compare(const struct bench *before, const struct bench *now, bench_taker *take, void *to)
{
}

void bench_describe(struct bench *b)
{
}

void bench_set(struct bench *b, enum bench_text which, const char *text)
{
}

bool trapline_present(void)
{
	return true;
}

int64_t trapline_mark(const char *text)
{
	strcat(strcat(marks, text), "\n");
	errno = EBUSY; /* a call may change it */
	return 0;
}

void print_line(const char *line)
{
}

void print_fields(const char *format, ...)
{
}

bool number(const char *text, uint64_t *value)
{
	char *end;

	*value = strtoull(text, &end, 10);
	return *text && !*end;
}

const char *option_value(const char *word, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(word, name, n) && word[n] == '=' ? word + n + 1 : NULL;
}

int usage(const char *command)
{
	return STATUS_USAGE;
}

static int bench(const char *first, const char *second)
{
	char name[] = "bench", *words[] = {name, (char *)(uintptr_t)first, (char *)(uintptr_t)second, NULL};

	*said = *marks = '\0';
	measured = written = 0;
	return command_bench(second ? 3 : 2, words);
}

#define MARKS "trapctl bench raises exceptions on purpose\ntrapctl bench has ended\n"

/* The first mark has its second one also if nothing was measured, and the reason is still that of the measurement. */
static void no_such_cpu(void **state)
{
	refusal = EINVAL;
	assert_int_equal(bench("--cpu=200", NULL), STATUS_FAILED);
	assert_string_equal(said,
		"trapctl: CPU 200 is not online or not permitted: see /sys/devices/system/cpu/online\n");
	assert_string_equal(marks, MARKS);
	refusal = EPERM;
	assert_int_equal(bench("--cpu=3", NULL), STATUS_FAILED);
	assert_string_equal(said, "trapctl: CPU 3: Operation not permitted\n");
	refusal = 0;
	assert_int_equal(bench("--cpu=0", NULL), STATUS_OK);
	assert_string_equal(marks, MARKS);
}

static void put_file(const char *text)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static void expect_file(const char *text)
{
	char has[256] = "";
	FILE *in = fopen(path, "r");

	assert_non_null(in);
	has[fread(has, 1, sizeof(has) - 1, in)] = '\0';
	fclose(in);
	assert_string_equal(has, text);
}

static void saved(void **state)
{
	char option[sizeof(path) + 8];

	snprintf(option, sizeof(option), "--save=%s", path);
	put_file("a longer run than the next one\n");
	refusal = EINVAL;
	assert_int_equal(bench(option, NULL), STATUS_FAILED);
	expect_file("a longer run than the next one\n"); /* nothing was measured */
	refusal = 0;
	assert_int_equal(bench(option, NULL), STATUS_OK);
	expect_file("a run\n");
}

static void not_writable(void **state)
{
	refusal = 0;
	assert_int_equal(bench("--save", "/dev/null/none"), STATUS_FAILED);
	assert_int_equal(measured, 0);
	assert_string_equal(said, "trapctl: /dev/null/none: Not a directory\n");
	assert_int_equal(bench("--save", "/dev/full"), STATUS_FAILED);
	assert_string_equal(said, "trapctl: /dev/full: No space left on device\n");
	assert_int_equal(bench("--save", "/dev/null"), STATUS_OK);
}

static int set_up(void **state)
{
	return !mkdtemp(folder) || snprintf(path, sizeof(path), "%s/run", folder) < 0;
}

static int clean_up(void **state)
{
	return unlink(path) || rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_such_cpu),
		cmocka_unit_test(saved),
		cmocka_unit_test(not_writable),
	};

	return cmocka_run_group_tests(tests, set_up, clean_up);
}
