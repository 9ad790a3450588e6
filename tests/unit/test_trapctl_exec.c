// SPDX-License-Identifier: MIT
/* trapctl watch exec: the ranges that it allows. */
#define _GNU_SOURCE
#include "unit.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#undef fail /* trapctl has one of its own */

static FILE *fake_open(const char *path, const char *mode);
static int fake_access(const char *path, int mode);
#define fopen  fake_open
#define access fake_access
#include "../../guest-tools/trapctl/watch_exec.c"
#undef fopen
#undef access

#define KERNEL "ffffffff81000000 T _stext\nffffffff81800000 T _etext\n"

static const char *kallsyms, *modules;
static char commands[1024];

static FILE *fake_open(const char *path, const char *mode)
{
	const char *text = !strcmp(path, "/proc/kallsyms") ? kallsyms : modules;

	if (!strncmp(path, "/sys/", 5))
		return fopen("/dev/null", mode);
	return fmemopen((void *)text, strlen(text), mode);
}

static int fake_access(const char *path, int mode)
{
	return -1;
}

int console_command(const char *text, bool quiet)
{
	size_t n = strlen(commands);

	snprintf(commands + n, sizeof(commands) - n, "%s\n", text);
	return STATUS_OK;
}

void print_fields(const char *format, ...)
{
}

static void expect(const char *symbols, const char *loaded, const char *wanted)
{
	kallsyms = symbols;
	modules = loaded;
	commands[0] = '\0';
	assert_int_equal(watch_exec("once"), STATUS_OK);
	assert_string_equal(commands, wanted);
}

/* A module may have symbols of the same names. */
static void kernel_itself(void **state)
{
	expect(KERNEL "ffffffffc0000000 t _stext\t[evil]\nffffffffc1000000 t _etext\t[evil]\n", "",
		"watch allow 0x1000-0xfffff\n"
		"watch add exec supervisor outside=0xffffffff81000000-0xffffffff817fffff once\n");
}

static void made_by_the_kernel(void **state)
{
	expect(KERNEL "ffffffffc0000123 t bpf_prog_1\t[bpf]\n", "",
		"watch allow 0xffffffffc0000000+8192\n"
		"watch allow 0x1000-0xfffff\n"
		"watch add exec supervisor outside=0xffffffff81000000-0xffffffff817fffff once\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_itself),
		cmocka_unit_test(made_by_the_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
