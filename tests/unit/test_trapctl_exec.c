// SPDX-License-Identifier: MIT
/* trapctl watch exec: the ranges that it allows. */
#define _GNU_SOURCE
#include "unit.h"
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#undef fail /* trapctl has one of its own */

static FILE *fake_open(const char *path, const char *mode);
static int fake_access(const char *path, int mode);
static int fake_uname(struct utsname *name);
#define fopen  fake_open
#define access fake_access
#define uname  fake_uname
#include "../../guest-tools/trapctl/watch_exec.c"
#undef fopen
#undef access
#undef uname

#define KERNEL "ffffffff81000000 T _stext\nffffffff81800000 T _etext\n"

static const char *kallsyms, *loaded_modules, *release;
static char commands[1024];

static FILE *fake_open(const char *path, const char *mode)
{
	const char *text = !strcmp(path, "/proc/kallsyms") ? kallsyms : loaded_modules;

	if (!strncmp(path, "/sys/", 5))
		return fopen("/dev/null", mode);
	return fmemopen((void *)text, strlen(text), mode);
}

static int fake_access(const char *path, int mode)
{
	return -1;
}

static int fake_uname(struct utsname *name)
{
	snprintf(name->release, sizeof(name->release), "%s", release);
	return 0;
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

static void expect(const char *symbols, const char *loaded, const char *on, const char *wanted)
{
	kallsyms = symbols;
	loaded_modules = loaded;
	release = on;
	commands[0] = '\0';
	assert_int_equal(watch_exec("once"), STATUS_OK);
	assert_string_equal(commands, wanted);
}

/* A module may have symbols of the same names. */
static void kernel_itself(void **state)
{
	expect(KERNEL "ffffffffc0000000 t _stext\t[evil]\nffffffffc1000000 t _etext\t[evil]\n", "",
		"6.1.0-56-amd64",
		"watch allow 0x1000-0xfffff\n"
		"watch add exec supervisor outside=0xffffffff81000000-0xffffffff817fffff once\n");
}

static void made_by_the_kernel(void **state)
{
	expect(KERNEL "ffffffffc0000123 t bpf_prog_1\t[bpf]\n", "", "6.1.0-56-amd64",
		"watch allow 0xffffffffc0000000+8192\n"
		"watch allow 0x1000-0xfffff\n"
		"watch add exec supervisor outside=0xffffffff81000000-0xffffffff817fffff once\n");
}

#define TWO_MODULES                                                                                          \
	"first 20480 0 - Live 0xffffffffc0000000 (OE)\nsecond 16384 1 first, Live 0xffffffffc0100000\n"
#define THEIR_SYMBOLS                                                                                        \
	"ffffffffc0000010 t one\t[first]\nffffffffc0001ff0 T two\t[first]\n"                                 \
	"ffffffffc0004000 d variable\t[first]\nffffffffc0100000 t lone\t[second]\n"                          \
	"ffffffffc0102000 t third_one\t[third]\nffffffffc0900000 t elsewhere\t[second]\n"

/* One region, with text and data. */
static void modules_before_6_4(void **state)
{
	expect(KERNEL THEIR_SYMBOLS, TWO_MODULES, "5.19.17",
		"watch allow 0xffffffffc0000000+20480\n"
		"watch allow 0xffffffffc0100000+16384\n"
		"watch allow 0x1000-0xfffff\n"
		"watch add exec supervisor outside=0xffffffff81000000-0xffffffff817fffff once\n");
}

/* The size is that of several regions, of which the address is the first: the last function begins in the page before the last one. */
static void modules_since_6_4(void **state)
{
	static const char *const releases[] = {"6.4.0", "6.12.9-amd64", "7.0.1"};

	for (unsigned i = 0; i < ARRAY_SIZE(releases); i++)
		expect(KERNEL THEIR_SYMBOLS, TWO_MODULES, releases[i],
			"watch allow 0xffffffffc0000000+12288\n"
			"watch allow 0xffffffffc0100000+8192\n"
			"watch allow 0x1000-0xfffff\n"
			"watch add exec supervisor outside=0xffffffff81000000-0xffffffff817fffff once\n");
}

/* Never more than /proc/modules says, and nothing of a module without code. */
static void small_modules(void **state)
{
	expect(KERNEL "ffffffffc0000010 t one\t[first]\nffffffffc0100000 d data\t[second]\n",
		"first 4096 0 - Live 0xffffffffc0000000\nsecond 16384 0 - Live 0xffffffffc0100000\n", "6.4.0",
		"watch allow 0xffffffffc0000000+4096\n"
		"watch allow 0x1000-0xfffff\n"
		"watch add exec supervisor outside=0xffffffff81000000-0xffffffff817fffff once\n");
}

/* A module that 200 others use, whose names do not fit into a line of any usual length. */
static void used_by_many(void **state)
{
	static char loaded[4096], symbols[4096];
	size_t n = (size_t)sprintf(loaded, "first 20480 200 ");

	for (unsigned i = 0; i < 200; i++)
		n += (size_t)sprintf(loaded + n, "module_%u,", i);
	sprintf(loaded + n, " Live 0xffffffffc0000000 (OE)\nsecond 16384 1 first, Live 0xffffffffc0100000\n");
	expect(KERNEL, loaded, "5.19.17",
		"watch allow 0xffffffffc0000000+20480\n"
		"watch allow 0xffffffffc0100000+16384\n"
		"watch allow 0x1000-0xfffff\n"
		"watch add exec supervisor outside=0xffffffff81000000-0xffffffff817fffff once\n");
	/* and the longest symbol that a kernel has */
	n = (size_t)sprintf(symbols, KERNEL "ffffffffc0001ff0 t ");
	memset(symbols + n, 'x', 511);
	sprintf(symbols + n + 511, "\t[first]\n");
	expect(symbols, "first 20480 0 - Live 0xffffffffc0000000\n", "6.4.0",
		"watch allow 0xffffffffc0000000+12288\n"
		"watch allow 0x1000-0xfffff\n"
		"watch add exec supervisor outside=0xffffffff81000000-0xffffffff817fffff once\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_itself),
		cmocka_unit_test(made_by_the_kernel),
		cmocka_unit_test(modules_before_6_4),
		cmocka_unit_test(modules_since_6_4),
		cmocka_unit_test(small_modules),
		cmocka_unit_test(used_by_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
