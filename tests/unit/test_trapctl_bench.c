// SPDX-License-Identifier: MIT
/* A run of `trapctl bench`: its statistics, its file, what is refused of a file, and the comparison of two runs. */
#include "unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../guest-tools/trapctl/bench_file.c"

static char lines[16384];

static void take(void *to, const char *line)
{
	(void)to;
	assert_true(strlen(lines) + strlen(line) + 2 < sizeof(lines));
	strcat(strcat(lines, line), "\n");
}

/* The file's bytes are these. */
static const char *read_bytes(const char *text, size_t size, struct bench *b)
{
	FILE *in = fmemopen((void *)(uintptr_t)text, size, "r");
	const char *wrong = bench_read(in, b);

	fclose(in);
	return wrong;
}

static const char *read_text_of(const char *text, struct bench *b)
{
	return read_bytes(text, strlen(text), b);
}

static void spread(void **state)
{
	double odd[] = {9, 1, 5, 3, 7}, even[] = {4, 1, 3, 2}, one[] = {6};
	struct bench_spread s = bench_spread_of(odd, 5);

	assert_true(s.median == 5 && s.low == 3 && s.high == 7 && s.min == 1);
	s = bench_spread_of(even, 4);
	assert_true(s.median == 2.5 && s.low == 2 && s.high == 3 && s.min == 1);
	s = bench_spread_of(one, 1);
	assert_true(s.median == 6 && s.low == 6 && s.high == 6 && s.min == 6);
}

/* A timer interrupt in one round of five changes nothing but the median's neighbours. */
static void spread_without_outliers(void **state)
{
	double value[] = {100, 101, 102, 103, 90000};
	struct bench_spread s = bench_spread_of(value, 5);

	assert_true(s.median == 102 && s.high == 103);
}

static const struct bench example = {
	.cpu = 3,
	.rounds = 31,
	.text = {[BENCH_TEXT_cpu] = "AMD Ryzen 9 7950X 16-Core Processor",
		[BENCH_TEXT_kernel] = "6.1.0-56-amd64",
		[BENCH_TEXT_version] = "1.0"},
	.weak = {{"spectre_v2", "Mitigation: Retpolines; IBPB: conditional"}, {"meltdown", "Not affected"}},
	.weak_count = 2,
	.spread = {[BENCH_TSC] = {[BENCH_cpuid] = {1523.4, 1519, 1540.2, 1510.6},
			   [BENCH_ud] = {4000, 3900, 4100, 3800}},
		[BENCH_CYCLES] = {[BENCH_cpuid] = {1700, 1690, 1710, 1680}}},
	.none = {[BENCH_vmcall] = "no Trapline, not measured"},
};

static const struct bench *written_and_read(void)
{
	static struct bench b;

	*lines = '\0';
	bench_write(&example, take, NULL);
	assert_null(read_text_of(lines, &b));
	return &b;
}

static void read_again(void **state)
{
	const struct bench *b = written_and_read();

	assert_memory_equal(b->spread, example.spread, sizeof(b->spread));
	assert_memory_equal(b->text, example.text, sizeof(b->text));
	assert_memory_equal(b->weak, example.weak, sizeof(b->weak));
	assert_true(b->cpu == 3 && b->rounds == 31 && b->weak_count == 2);
	assert_non_null(strstr(lines, "\ncost name=vmcall none=\"no Trapline, not measured\"\n"));
	assert_non_null(strstr(
		lines, "\ncost name=cpuid unit=tsc median=1523.4 low=1519.0 high=1540.2 min=1510.6\n"));
	assert_null(strstr(lines, "name=fork"));
}

/* A counter of cycles that failed in one round: the file is read again, without these cycles and with the ticks. */
static void odd_rounds(void **state)
{
	static const struct bench_spread odd[] = {{1700, 1690, 1710, 0}, {1700, 1690, 1.8e19, 1680},
		{0.04, 0.04, 0.04, 0.04}, {1700, 1710, 1720, 1680}};
	struct bench b, again;

	for (unsigned i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		b = example;
		b.spread[BENCH_CYCLES][BENCH_cpuid] = odd[i];
		*lines = '\0';
		bench_write(&b, take, NULL);
		assert_null(strstr(lines, "unit=cycles"));
		assert_null(read_text_of(lines, &again));
		assert_true(again.spread[BENCH_TSC][BENCH_cpuid].median == 1523.4);
		assert_true(again.spread[BENCH_CYCLES][BENCH_cpuid].median == 0);
	}
}

/* What a run has at its limits is read again. */
static void limits(void **state)
{
	struct bench b = example, again;

	b.spread[BENCH_TSC][BENCH_cpuid] = (struct bench_spread){COST_MAX, COST_MIN, COST_MAX, COST_MIN};
	*lines = '\0';
	bench_write(&b, take, NULL);
	assert_null(read_text_of(lines, &again));
	assert_memory_equal(again.spread, b.spread, sizeof(b.spread));
}

static void weaknesses(void **state)
{
	struct bench b = {0};
	char name[BENCH_NAME_MAX + 1];

	memset(name, 'n', sizeof(name));
	name[BENCH_NAME_MAX] = '\0';
	bench_set_weakness(&b, name, "too long");
	bench_set_weakness(&b, "", "none");
	bench_set_weakness(&b, "a b", "two words");
	bench_set_weakness(&b, "a=b", "no name");
	assert_int_equal(b.weak_count, 0);
	bench_set_weakness(&b, "twice", "first");
	bench_set_weakness(&b, "twice", "second");
	assert_true(b.weak_count == 1 && !strcmp(b.weak[0].state, "first"));
	for (unsigned i = 0; i < 2 * BENCH_WEAK_MAX; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		bench_set_weakness(&b, name, "\"\n");
	}
	assert_int_equal(b.weak_count, BENCH_WEAK_MAX);
	assert_string_equal(b.weak[1].state, "??");
}

static void no_addresses(void **state)
{
	char text[] = "vec=all,-pf cpl=0 cpu=1-3 rip!=0xffffffff81000000-0xffffffff81ffffff cr2=0x10 "
		      "as=0x1000 err!=0x4 rate=25";

	bench_hide_addresses(text);
	assert_string_equal(text, "vec=all,-pf cpl=0 cpu=1-3 rip!=? cr2=? as=? err!=? rate=25");
}

/* A text from elsewhere must not end its value or its line. */
static void texts_are_clean(void **state)
{
	static struct bench b;

	bench_set(&b, BENCH_TEXT_cpu, "a\"b\\c\nd\x1b[2J\xc3");
	assert_string_equal(b.text[BENCH_TEXT_cpu], "a?b?c?d?[2J?");
	memset(lines, 'x', 500);
	lines[500] = '\0';
	bench_set(&b, BENCH_TEXT_cpu, lines);
	assert_int_equal(strlen(b.text[BENCH_TEXT_cpu]), BENCH_TEXT_MAX - 1);
}

#define HEAD          "bench format=1 cpu=0 rounds=31\n"
#define COST(numbers) HEAD "cost name=cpuid unit=tsc " numbers "\n"

static void refused(void **state)
{
	static const char *const files[] = {
		"",
		"\n",
		"trapctl\n" HEAD,
		"bench format=2 cpu=0 rounds=31\n",
		"bench format=1e0\n",
		"bench cpu=0 text=\"format=1\"\n",
		COST("median=5"),
		COST("median=5 low=6 high=7 min=1"),
		COST("median=5 low=4 high=4.5 min=1"),
		COST("median=5 low=4 high=6 min=5"),
		COST("median=0 low=0 high=0 min=0"),
		COST("median=nan low=nan high=nan min=nan"),
		COST("median=inf low=4 high=inf min=1"),
		COST("median=-5 low=-6 high=6 min=-7"),
		COST("median=0x5 low=4 high=6 min=1"),
		COST("median=5.5.5 low=4 high=6 min=1"),
		COST("median=9999999999999 low=4 high=9999999999999 min=1"),
		COST("text=\"median=5 low=4 high=6 min=1\""),
	};
	struct bench b;

	for (unsigned i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (!read_text_of(files[i], &b))
			fail_msg("not refused: %s", files[i]);
}

static void refused_by_size(void **state)
{
	static char text[200000];
	struct bench b;
	size_t n;

	n = (size_t)snprintf(text, sizeof(text), "%sx=", HEAD);
	memset(text + n, 'a', 9000);
	assert_non_null(read_bytes(text, n + 9000, &b));
	n = (size_t)snprintf(text, sizeof(text), "%s", HEAD);
	for (unsigned i = 0; i < 2000; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "note\n");
	assert_non_null(read_bytes(text, n, &b));
	assert_non_null(read_bytes("bench format=1\0 x\ncost", 22, &b));
}

/* What a later version adds is passed over; a file without a last newline is complete. */
static void unknown_is_passed_over(void **state)
{
	struct bench b;

	assert_null(
		read_text_of(HEAD "news about=\"it\"\ncost name=other unit=tsc median=1\n"
				  "cost name=ud unit=weeks median=1\ncost name=ud unit=tsc median=5 low=4 "
				  "high=6 min=3.5",
			&b));
	assert_true(b.spread[BENCH_TSC][BENCH_ud].median == 5);
	assert_true(b.spread[BENCH_TSC][BENCH_cpuid].median == 0);
}

static void compared(void **state)
{
	struct bench was = example, now = example;

	now.spread[BENCH_TSC][BENCH_cpuid] = (struct bench_spread){3046.8, 3000, 3100, 2900};
	now.spread[BENCH_TSC][BENCH_ud] = (struct bench_spread){3800, 3700, 3950, 3600};
	now.spread[BENCH_TSC][BENCH_vmcall] = (struct bench_spread){1500, 1400, 1600, 1300};
	bench_set(&now, BENCH_TEXT_kernel, "6.12");
	bench_set(&now, BENCH_TEXT_tsc_mhz, "4501");
	now.spread[BENCH_TSC][BENCH_bp] = (struct bench_spread){500.04, 500.04, 500.04, 500.04};
	was.spread[BENCH_TSC][BENCH_bp] = (struct bench_spread){500, 500, 500, 500};
	now.cpu = 0;
	now.rounds = 5;
	strcpy(now.weak[0].state, "Vulnerable");
	now.weak_count = 1;
	bench_set_weakness(&now, "tsa", "Not affected");
	*lines = '\0';
	bench_compare(&was, &now, take, NULL);
	assert_string_equal(lines,
		"differs what=cpu_number before=\"3\" now=\"0\"\n"
		"differs what=rounds before=\"31\" now=\"5\"\n"
		"differs what=kernel before=\"6.1.0-56-amd64\" now=\"6.12\"\n"
		"differs what=spectre_v2 before=\"Mitigation: Retpolines; IBPB: conditional\" "
		"now=\"Vulnerable\"\n"
		"differs what=meltdown before=\"Not affected\" now=\"\"\n"
		"differs what=tsa before=\"\" now=\"Not affected\"\n"
		"change name=cpuid unit=tsc before=1523.4 now=3046.8 more=1523.4 percent=100.0 certain=yes\n"
		"change name=cpuid unit=cycles before=1700.0 now=1700.0 more=0.0 percent=0.0 certain=no\n"
		"change name=vmcall none=\"not measured before\"\n"
		"change name=ud unit=tsc before=4000.0 now=3800.0 more=-200.0 percent=-5.0 certain=no\n"
		"change name=bp unit=tsc before=500.0 now=500.0 more=0.0 percent=0.0 certain=no\n"
		"change name=pf none=\"not measured before\"\n"
		"change name=fork none=\"not measured before\"\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spread),
		cmocka_unit_test(spread_without_outliers),
		cmocka_unit_test(read_again),
		cmocka_unit_test(odd_rounds),
		cmocka_unit_test(limits),
		cmocka_unit_test(weaknesses),
		cmocka_unit_test(no_addresses),
		cmocka_unit_test(texts_are_clean),
		cmocka_unit_test(refused),
		cmocka_unit_test(refused_by_size),
		cmocka_unit_test(unknown_is_passed_over),
		cmocka_unit_test(compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
