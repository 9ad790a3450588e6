// SPDX-License-Identifier: MIT
/* Reports of machines with many CPUs stay readable: who is told of, and in which words. */
#include <stdio.h>
#include <string.h>
#include "trace/cpu_list.h"
#include "unit.h"

static const char *words(const struct cpu_set *set)
{
	static char buf[8192];
	struct text t = text_on(buf, sizeof(buf));

	cpu_list_add(&t, set);
	return buf;
}

static struct cpu_set set_of(const unsigned *n, unsigned count)
{
	struct cpu_set set = {0};

	while (count--)
		cpu_set_add(&set, n[count]);
	return set;
}

#define EXPECT(text, ...)                                                                                    \
	do {                                                                                                 \
		static const unsigned n[] = {__VA_ARGS__};                                                   \
		struct cpu_set set = set_of(n, ARRAY_SIZE(n));                                               \
		assert_string_equal(words(&set), text);                                                      \
	} while (0)

static void in_words(void **state)
{
	struct cpu_set all = {0};

	EXPECT("cpu=5", 5);
	EXPECT("cpus=0-1", 0, 1);
	EXPECT("cpus=0,2-4,63-65,1023", 0, 2, 3, 4, 63, 64, 65, 1023);
	EXPECT("cpus=1022-1023", 1022, 1023);
	for (unsigned n = 0; n < BOOT_MAX_CPUS; n++)
		cpu_set_add(&all, n);
	assert_string_equal(words(&all), "cpus=0-1023");
}

static uint64_t when(const void *context, uint32_t n)
{
	return ((const uint64_t *)context)[n];
}

static struct cpu_set newest(uint32_t count, uint32_t first, const uint64_t *tsc)
{
	return cpu_list_newest(count, first, when, tsc);
}

static void few(void **state)
{
	static const uint64_t tsc[8];
	struct cpu_set set = newest(8, 3, tsc);

	assert_string_equal(words(&set), "cpus=0-7");
	set = newest(1, 0, tsc);
	assert_string_equal(words(&set), "cpu=0");
}

static void many(void **state)
{
	static uint64_t tsc[1024] = {[9] = 100,
		[10] = 90,
		[70] = 500,
		[71] = 20,
		[3] = 600,
		[1023] = 50,
		[500] = 51,
		[501] = 52,
		[502] = 53,
		[503] = 54};
	struct cpu_set set = newest(1024, 0, tsc);

	assert_string_equal(words(&set), "cpus=0,3,9-10,70,501-503"); /* and not those of 51, 50 and 20 */
	set = newest(72, 71, tsc);
	assert_string_equal(words(&set), "cpus=3,9-10,70-71"); /* the others recorded nothing */
}

static bool same_parity(uint32_t a, uint32_t b)
{
	return a % 2 == b % 2;
}

/* Each CPU is told of once, whatever came before. */
static void taken(void **state)
{
	struct cpu_set told = {0}, set;

	cpu_set_add(&told, 5);
	set = cpu_list_take(&told, 10, 1, same_parity);
	assert_string_equal(words(&set), "cpus=1,3,7,9");
	set = cpu_list_take(&told, 10, 2, same_parity);
	assert_string_equal(words(&set), "cpus=2,4,6,8");
	assert_string_equal(words(&told), "cpus=1-9");
	told = (struct cpu_set){0};
	set = cpu_list_take(&told, 8, 1, same_parity);
	assert_string_equal(words(&set), "cpu=1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_words),
		cmocka_unit_test(taken),
		cmocka_unit_test(few),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests_name("cpu_list", tests, NULL, NULL);
}
