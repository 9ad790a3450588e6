// SPDX-License-Identifier: MIT
/* A set of CPUs, against an array of one byte a CPU: the words' edges are where it could go wrong. */
#include <stdlib.h>
#include <string.h>
#include "hw/cpu_set.h"
#include "unit.h"

#define ROUNDS 300

static void expect_same(const struct cpu_set *set, const bool *in)
{
	unsigned next = 0;

	for_each_in_set(n, set)
	{
		for (; next < n; next++)
			assert_false(in[next] || cpu_set_has(set, next));
		assert_true(in[next] && cpu_set_has(set, next));
		next++;
	}
	for (; next < BOOT_MAX_CPUS; next++)
		assert_false(in[next] || cpu_set_has(set, next));
}

static void at_random(void **state)
{
	srand(1);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct cpu_set set = {0};
		bool in[BOOT_MAX_CPUS] = {false};

		for (unsigned i = (unsigned)rand() % (round + 1); i--;) {
			unsigned n = (unsigned)rand() % BOOT_MAX_CPUS;

			cpu_set_add(&set, n);
			in[n] = true;
		}
		expect_same(&set, in);
	}
}

static void at_edges(void **state)
{
	static const unsigned edges[] = {0, 1, 62, 63, 64, 65, 127, 128, 960, 1022, 1023};
	struct cpu_set all = {0};

	assert_true(cpu_set_is_empty(&all));
	for (unsigned i = 0; i < ARRAY_SIZE(edges); i++) {
		struct cpu_set one = {0};

		cpu_set_add(&one, edges[i]);
		cpu_set_add(&all, edges[i]);
		assert_false(cpu_set_is_empty(&one));
		assert_int_equal(cpu_set_from(&one, 0), edges[i]);
		assert_int_equal(cpu_set_from(&one, edges[i]), edges[i]);
		assert_int_equal(cpu_set_from(&one, edges[i] + 1), CPU_SET_NONE);
		assert_int_equal(cpu_set_from(&all, edges[i]), edges[i]);
	}
	assert_int_equal(cpu_set_from(&all, 66), 127);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_random),
		cmocka_unit_test(at_edges),
	};

	return cmocka_run_group_tests_name("cpu_set", tests, NULL, NULL);
}
