// SPDX-License-Identifier: MIT
/* In which folders trapline-decode finds the guest's kernel, and what it says of folders that are not there. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "unit.h"
#include "../../guest-tools/decode/find_file.h"

static const char *there;
static char said[256];

/* The only file of this machine is `there`. */
int access(const char *path, int mode)
{
	assert_int_equal(mode, R_OK);
	errno = ENOENT;
	return there && !strcmp(path, there) ? 0 : -1;
}

void complain(const char *format, ...)
{
	size_t n = strlen(said);
	va_list list;

	va_start(list, format);
	vsnprintf(said + n, sizeof(said) - n, format, list);
	va_end(list);
}

static void expect_kernel(const struct options *o, const char *path, bool found)
{
	char *kernel;

	there = path;
	kernel = find_kernel(o, "6.1.0-amd64");
	if (found)
		assert_string_equal(kernel, path);
	else
		assert_null(kernel);
	free(kernel);
}

static void kernel(void **state)
{
	struct options none = {0}, two = {.debug_dir = {"/one", "/two"}, .debug_dirs = 2};

	expect_kernel(&none, "/usr/lib/debug/boot/vmlinux-6.1.0-amd64", true);
	expect_kernel(&none, "/usr/lib/debug/lib/modules/6.1.0-amd64/vmlinux", true);
	expect_kernel(&none, "/two/boot/vmlinux-6.1.0-amd64", false);
	expect_kernel(&two, "/two/boot/vmlinux-6.1.0-amd64", true);
	expect_kernel(&two, "/one/usr/lib/debug/boot/vmlinux-6.1.0-amd64", true);
	expect_kernel(&two, "/usr/lib/debug/boot/vmlinux-6.1.0-amd64", true);
}

static void folders(void **state)
{
	struct options o = {.module = {"/there"}, .modules = 1};

	there = "/there";
	assert_true(find_folders(&o));
	assert_string_equal(said, "");
	o.debug_dir[o.debug_dirs++] = "/nowhere";
	assert_false(find_folders(&o));
	assert_string_equal(said, "/nowhere: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel),
		cmocka_unit_test(folders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
