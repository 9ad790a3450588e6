// SPDX-License-Identifier: MIT
/*
 * src/lib/printf.c under other names (freestanding.h): each format through it and through libc's, byte for
 * byte.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "unit.h"
#include "freestanding.h"

/* Prints into buffers of every size from 0 to beyond the end, with a guard byte after each. */
#define SAME(...)                                                                                            \
	do {                                                                                                 \
		for (size_t size = 0; size <= 80; size++) {                                                  \
			char a[96], b[96];                                                                   \
			memset(a, 0x5a, sizeof(a));                                                          \
			memset(b, 0x5a, sizeof(b));                                                          \
			int x = snprintf(size ? a : NULL, size, __VA_ARGS__);                                \
			int y = tl_snprintf(size ? b : NULL, size, __VA_ARGS__);                             \
			assert_int_equal(x, y);                                                              \
			assert_memory_equal(a, b, sizeof(a));                                                \
		}                                                                                            \
	} while (0)

static void text(void **state)
{
	SAME("plain");
	SAME("%%");
	SAME("%s", "");
	SAME("<%s>", "text");
	SAME("<%8s><%-8s><%2s>", "text", "text", "text");
	SAME("<%.2s><%.0s><%.9s><%8.2s><%-8.2s>", "text", "text", "text", "text", "text");
	SAME("<%*s><%-*s><%.*s>", 6, "ab", 6, "ab", 1, "ab");
	SAME("<%*s><%.*s>", -6, "ab", -1, "ab");
	SAME("%c%c<%3c><%-3c>", 'x', 'y', 'z', 'z');
}

static void precision_bounds_reading(void **state)
{
	const char unterminated[3] = {'a', 'b', 'c'};
	char out[8];

	assert_int_equal(tl_snprintf(out, sizeof(out), "%.3s", unterminated), 3);
	assert_string_equal(out, "abc");
}

static void decimal(void **state)
{
	SAME("%d %d %d %d", 0, -1, INT_MAX, INT_MIN);
	SAME("%ld %ld %ld", 0L, LONG_MAX, LONG_MIN);
	SAME("%lld %lld", LLONG_MAX, LLONG_MIN);
	SAME("%u %u", 0u, UINT_MAX);
	SAME("%lu %llu %zu", ULONG_MAX, ULLONG_MAX, (size_t)-1);
	SAME("<%5d><%-5d><%05d><%5d><%05d>", 42, 42, 42, -42, -42);
	SAME("<%2d><%02d><%1u>", 12345, -12345, 0u);
}

static void hexadecimal(void **state)
{
	SAME("%x %x %x", 0u, 0xdeadbeefu, UINT_MAX);
	SAME("%lx %llx %zx", ULONG_MAX, 0x0123456789abcdefULL, (size_t)0xa0);
	SAME("<%8x><%-8x><%08x><%016lx>", 0xbeefu, 0xbeefu, 0xbeefu, 0xbeefUL);
	SAME("<%02x%02x>", 0u, 0xffu);
	SAME("%p <%20p><%-20p>", (void *)0x1000, (void *)0x1000, (void *)0x1000);
}

static void mixed(void **state)
{
	SAME("trap seq=%llu at=0x%x:0x%llx name=%s", 7ULL, 0x10u, 0xffffffff81000000ULL, "#PF");
}

/* Cases that libc leaves undefined: a null string must not stop the VMM, and an unfinished conversion ends the text. */
static void null_string(void **state)
{
	const char *volatile none = NULL;
	char out[16];

	assert_int_equal(tl_snprintf(out, sizeof(out), "<%s>", none), 8);
	assert_string_equal(out, "<(null)>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text),
		cmocka_unit_test(precision_bounds_reading),
		cmocka_unit_test(decimal),
		cmocka_unit_test(hexadecimal),
		cmocka_unit_test(mixed),
		cmocka_unit_test(null_string),
	};

	return cmocka_run_group_tests_name("printf", tests, NULL, NULL);
}
