// SPDX-License-Identifier: MIT
/* Which part of a file's path the kernel module puts into a mark of a process. */
#include <stdio.h>
#include <string.h>
#include "unit.h"
#include "../../guest-tools/module/module_path.h"

static void expect_shown(const char *path, size_t room, const char *wanted)
{
	unsigned long out = path_left_out(strlen(path), room);
	char shown[64];

	snprintf(shown, sizeof(shown), "%s%s", out ? PATH_CUT : "", path + out);
	assert_string_equal(shown, wanted);
}

static void tail(void **state)
{
	expect_shown("/lib/x.so", 30, "/lib/x.so");
	expect_shown("/lib/x.so", 9, "/lib/x.so");
	expect_shown("/lib/x.so", 8, ".../x.so");
	expect_shown("/usr/lib/a/x.so", 12, "...ib/a/x.so");
	expect_shown("/lib/x.so", 4, "...o");
	expect_shown("/lib/x.so", 3, "...");
	expect_shown("/lib/x.so", 0, "...");
	expect_shown("", 0, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(tail)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
