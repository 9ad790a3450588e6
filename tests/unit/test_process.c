// SPDX-License-Identifier: MIT
/* Which process an address space is: what tells spaces apart, pairs of page tables, and a table that does not grow. */
#include <stdio.h>
#include <string.h>
#include "trace/format.h"
#include "trace/process.h"
#include "unit.h"

#define LMA 0x500u
#define PG  0x80000001u

static bool pairs;

static bool is_pair(uint64_t user)
{
	assert_true(user & 0x1000);
	return pairs;
}

static void spaces(void **state)
{
	static const struct {
		uint64_t rip, cr3;
		uint32_t cr0, efer;
		uint8_t cpl;
		bool pairs;
		uint64_t space;
	} cases[] = {
		{0x401000, 0x5003, PG, LMA, 3, false, 0x5000},
		{0x401000, 0x5003, PG, 0, 3, false, 0x5000}, /* a 32-bit system's program */
		{0xffffffff81000000, 0x6000, PG, LMA, 0, false, 0x6000},
		{0x7e00000, 0x6000, PG, LMA, 0, false, 0}, /* firmware, or like it */
		{0xc0100000, 0x6000, PG, 0, 0, false, 0},
		{0x401000, 0x6000, 1, 0, 3, false, 0}, /* no paging */
		{0x401000, 0x5883, PG, LMA, 3, true, 0x4000},
		{0xffffffff81000000, 0x4000, PG, LMA, 0, true, 0x4000},
	};

	process_pairs_by(is_pair);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct trap_record r = {.rip = cases[i].rip,
			.cr3 = cases[i].cr3,
			.cr0 = cases[i].cr0,
			.efer = cases[i].efer,
			.cpl = cases[i].cpl};

		pairs = cases[i].pairs;
		assert_int_equal(process_space(&r), cases[i].space);
	}
	process_pairs_by(NULL);
}

static uint64_t now; /* of the guest's TSC */

static void note(uint64_t space, uint32_t pid, const char *name)
{
	char words[PROCESS_NAME_MAX + 1] = "";

	snprintf(words, sizeof(words), "%s", name);
	process_note(space, ++now, pid, words);
}

static bool find(uint64_t space, struct process *p)
{
	return process_find(space, now, p);
}

static void a_process(void **state)
{
	struct process p;

	assert_false(find(0x1000, &p));
	note(0x1fff, 7, "bash");
	assert_true(find(0x1000, &p));
	assert_int_equal(p.pid, 7);
	assert_string_equal(p.name, "bash");
	note(0x1000, 7, "sixteen-bytes-at-most");
	assert_true(find(0x1000, &p));
	assert_string_equal(p.name, "sixteen-bytes-at");
	note(0x1000, 0, "");
	assert_false(find(0x1000, &p));
	assert_false(find(0, &p));
}

/* A line is printed later than its record was made: page tables may have another owner by then. */
static void owners_in_turn(void **state)
{
	struct process p;
	uint64_t before = now, first;

	note(0x9000, 1, "first");
	first = now;
	note(0x9000, 2, "second");
	assert_false(process_find(0x9000, before, &p));
	assert_true(process_find(0x9000, first, &p) && p.pid == 1);
	assert_true(process_find(0x9000, now, &p) && p.pid == 2);
	assert_true(process_find(0x9000, now + 100, &p) && p.pid == 2);
}

/* Ten thousand: the last ones are known, and each that is known is the right one. */
static void many(void **state)
{
	unsigned known = 0;
	struct process p;

	for (uint32_t i = 1; i <= 10000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "p%u", i);
		note((uint64_t)i << 12, i, name);
		assert_true(find((uint64_t)i << 12, &p) && p.pid == i);
	}
	for (uint32_t i = 1; i <= 10000; i++) {
		char name[16];

		if (!find((uint64_t)i << 12, &p))
			continue;
		snprintf(name, sizeof(name), "p%u", i);
		assert_int_equal(p.pid, i);
		assert_string_equal(p.name, name);
		known++;
	}
	assert_in_range(known, 3600, 4096);
}

static void name_it(struct text *t, const struct trap_record *r)
{
	if (r->rip == 0xffffffff81000010)
		text_add(t, "start+0x10");
}

/* Names and spaces in a line, and a name that would break it. */
static void in_a_line(void **state)
{
	static const struct trap_clock no_clock;
	struct trap_record r = {.seq = 1,
		.vector = 6,
		.type = TRAP_TYPE_EXCEPTION,
		.cs = 0x10,
		.rip = 0xffffffff81000010,
		.mode = 64,
		.cr0 = PG,
		.efer = LMA,
		.cr3 = 0x77000,
		.tsc = ~0ull};
	char line[TRAP_LINE_MAX];

	trap_format_names(name_it);
	note(0x77000, 42, "a \"b\"\n");
	trap_format(line, sizeof(line), &r, &no_clock);
	assert_string_equal(line,
		"trap seq=1 cpu=0 vec=6 name=#UD at=0x10:0xffffffff81000010 sym=\"start+0x10\" mode=64 cpl=0 "
		"as=0x77000 pid=42 comm=\"a \\\"b\\\".\"");
	r.rip++;
	note(0x77000, 0, "");
	trap_format(line, sizeof(line), &r, &no_clock);
	assert_string_equal(
		line, "trap seq=1 cpu=0 vec=6 name=#UD at=0x10:0xffffffff81000011 mode=64 cpl=0 as=0x77000");
	trap_format_names(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spaces),
		cmocka_unit_test(a_process),
		cmocka_unit_test(owners_in_turn),
		cmocka_unit_test(many),
		cmocka_unit_test(in_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
