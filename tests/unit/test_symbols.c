// SPDX-License-Identifier: MIT
/* What trapctl calls an address: symbols of the kernel and its modules, and places in the files of a process. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include "../../guest-tools/trapctl/trapctl.h" /* has a fail() of its own */
#include "unit.h"

static FILE *fake_open(const char *path, const char *mode);
#define fopen fake_open
#include "../../guest-tools/trapctl/kallsyms.c"
#undef fopen

static struct trapline_ended gone = {
	.pid = 7, .cr3 = 0x5000, .maps = "400000-401000 r-xp 1000 0:0 0 /bin/gone\n"};
static const char kallsyms[] = "0000000000000000 T hidden\n"
			       "ffffffff81000000 T _text\n"
			       "ffffffff81000100 t inner\n"
			       "ffffffff81000180 D data\n"
			       "ffffffffc0001000 t ioctl_call\t[trapline]\n"
			       "ffffffffc0001100 t ioctl_ring\t[trapline]\n"
			       "ffffffffc0100000 t other\t[other]\n";
static const char maps[] = "400000-401000 r-xp 00000000 08:01 12 /bin/a file\n"
			   "7f0000001000-7f0000002000 r-xp 00003000 08:01 13 /lib/libc.so.6\n";

static FILE *fake_open(const char *path, const char *mode)
{
	if (!strcmp(path, "/proc/kallsyms"))
		return fmemopen((void *)kallsyms, sizeof(kallsyms) - 1, mode);
	return !strcmp(path, "/proc/9/maps") ? fmemopen((void *)maps, sizeof(maps) - 1, mode) : NULL;
}

static int asked; /* for which process */

const struct trapline_ended *ended_process(int pid)
{
	asked = pid;
	return &gone;
}

static void kernel_and_modules(void **state)
{
	assert_string_equal(symbol(0xffffffff81000104, 0, PID_NONE), "inner+0x4");
	assert_string_equal(symbol(0xffffffff81000190, 0, PID_NONE), "inner+0x90");
	assert_string_equal(symbol(0xffffffffc0001004, 0, PID_NONE), "ioctl_call+0x4 [trapline]");
	assert_string_equal(symbol(0xffffffffc0001100, 0, PID_NONE), "ioctl_ring+0x0 [trapline]");
	assert_string_equal(symbol(0xffffffffc0100001, 0, PID_NONE), "other+0x1 [other]");
	assert_string_equal(symbol(0xffff800000000000, 0, PID_NONE), "");
}

/* A process that has ended answers for its own page tables only, a living one for every record. */
static void processes(void **state)
{
	assert_string_equal(symbol(0x400010, 0x1000, PID_NONE), "");
	assert_string_equal(symbol(0x400010, 0x1000, 9), "/bin/a file+0x10");
	assert_int_equal(asked, 9);
	assert_string_equal(symbol(0x7f0000001010, 0x1000, 9), "/lib/libc.so.6+0x3010");
	assert_string_equal(symbol(0x500000, 0x1000, 9), "");
	assert_string_equal(symbol(0x400010, 0x5000, 9), "/bin/gone+0x1010");
	assert_string_equal(symbol(0x400010, 0x6fff, PID_ENDED), "");
	assert_string_equal(symbol(0x400010, 0x5801, PID_ENDED), "/bin/gone+0x1010");
	assert_string_equal(symbol(0x400010, 0x4003, PID_ENDED), "/bin/gone+0x1010");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_and_modules),
		cmocka_unit_test(processes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
