// SPDX-License-Identifier: MIT
/* AMD-V: the reasons why VMRUN refuses a guest. */
#include "unit.h"
#include <stdbool.h>
#include <string.h>
#include "svm/svm_check.h"

static struct vmcb vmcb;
static unsigned failures;
static const struct svm_check_row *failed;

static void note(const struct svm_check_row *row, uint64_t value)
{
	failures++;
	failed = row;
}

static unsigned check(void)
{
	const struct svm_check c = {.vmcb = &vmcb, .fail = note, .physical_bits = 40};

	failures = 0;
	return svm_check_vmcb(&c);
}

/* 64-bit mode, as firmware leaves it. */
static void make_sound(void)
{
	memset(&vmcb, 0, sizeof(vmcb));
	vmcb_intercept(&vmcb.control, SVM_EXIT_VMRUN, true);
	vmcb.control.asid = 1;
	vmcb.control.np_enable = 1;
	vmcb.save.cr0 = 0x80010033;
	vmcb.save.cr3 = 0x1000;
	vmcb.save.cr4 = 0x668;
	vmcb.save.efer = 0x1d01;
	vmcb.save.dr6 = 0xffff0ff0;
	vmcb.save.dr7 = 0x400;
	vmcb.save.cs.attrib = 0x29b;
	vmcb.save.g_pat = 0x0007040600070406;
}

static void sound(void **state)
{
	static const uint64_t events[] = {0, 0x80000030, 0x80000202, 0x80000306, 0x123480000b0e, 0x80000480,
		0x700 /* not valid: not looked at */};

	make_sound();
	for (unsigned i = 0; i < ARRAY_SIZE(events); i++) {
		vmcb.control.eventinj = events[i];
		assert_int_equal(check(), 0);
	}
	vmcb.save.cr0 = 0x10; /* real mode */
	vmcb.save.efer = 0x1000;
	vmcb.save.cr4 = 0;
	assert_int_equal(check(), 0);
}

static unsigned count_rows(void)
{
	unsigned rows = 0;

	while (svm_check_rows[rows].field)
		rows++;
	return rows;
}

/* One field is made wrong: exactly that check fails. Every row of the list is tested. */
static void each(void **state)
{
#define AT(member) &vmcb.member, sizeof(vmcb.member)
	const struct {
		void *at;
		size_t size;
		uint64_t value;
		const char *field, *why;
	} cases[] = {
		{AT(save.efer), 0x0d01, "efer", "SVME clear"},
		{AT(save.efer), 0x1d03, "efer", "reserved"},
		{AT(save.cr0), 0xa0010033, "cr0", "NW without CD"},
		{AT(save.cr0), 0x180010033, "cr0", "high half"},
		{AT(save.cr0), 0x80010032, "cr0", "no PE"},
		{AT(save.cr3), 1ull << 40, "cr3", "beyond"},
		{AT(save.cr4), 0x648, "cr4", "no PAE"},
		{AT(save.cr4), 0x80000668, "cr4", "reserved"},
		{AT(save.dr6), 0x1ffff0ff0, "dr6", "high half"},
		{AT(save.dr7), 0x100000400, "dr7", "high half"},
		{AT(save.cs.attrib), 0x69b, "cs.attrib", "both L and D"},
		{AT(save.g_pat), 0x0007040600070206, "g_pat", "memory type"},
		{AT(control.intercept2), 0, "intercept2", "VMRUN"},
		{AT(control.asid), 0, "asid", "is 0"},
		{AT(control.msrpm_base), (1ull << 40) - 0x1000, "msrpm", "beyond"},
		{AT(control.iopm_base), (1ull << 40) - 0x2000, "iopm", "beyond"},
		{AT(control.n_cr3), 1ull << 40, "ncr3", "beyond"},
		{AT(control.eventinj), 0x80000302, "eventinj", "no event"},
		{AT(control.eventinj), 0x80000330, "eventinj", "no event"},
		{AT(control.eventinj), 0x80000130, "eventinj", "no event"},
		{AT(control.eventinj), 0x80000703, "eventinj", "no event"},
	};
#undef AT
	bool seen[ARRAY_SIZE(cases)] = {false};
	unsigned rows = count_rows();

	assert_in_range(rows, 1, ARRAY_SIZE(cases));
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		make_sound();
		memcpy(cases[i].at, &cases[i].value, cases[i].size);
		assert_int_equal(check(), 1);
		assert_int_equal(failures, 1);
		assert_string_equal(failed->field, cases[i].field);
		assert_non_null(strstr(failed->why, cases[i].why));
		seen[failed - svm_check_rows] = true;
	}
	for (unsigned i = 0; i < rows; i++)
		assert_true(svm_check_rows[i].guest[0]);
	for (unsigned i = 0; i < rows; i++)
		if (!seen[i])
			fail_msg("no case fails %s %s", svm_check_rows[i].field, svm_check_rows[i].why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound),
		cmocka_unit_test(each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
