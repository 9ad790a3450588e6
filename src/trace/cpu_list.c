// SPDX-License-Identifier: MIT
#include "trace/cpu_list.h"

/* The last number of the run of consecutive numbers that begins at n. */
static unsigned run_end(const struct cpu_set *set, unsigned n)
{
	while (cpu_set_from(set, n + 1) == n + 1 && n + 1 < CPU_SET_NONE)
		n++;
	return n;
}

void cpu_list_add(struct text *t, const struct cpu_set *set)
{
	const char *before = cpu_set_from(set, cpu_set_from(set, 0) + 1) == CPU_SET_NONE ? "cpu=" : "cpus=";

	for (unsigned n = cpu_set_from(set, 0), end; n < CPU_SET_NONE; n = cpu_set_from(set, end + 1)) {
		end = run_end(set, n);
		text_add(t, end > n ? "%s%u-%u" : "%s%u", before, n, end);
		before = ",";
	}
}

struct cpu_set cpu_list_take(struct cpu_set *told, uint32_t count, uint32_t n, cpu_list_same same)
{
	struct cpu_set set = {0};

	for (uint32_t m = n; m < count; m++) {
		if (m != n && (count <= CPU_LIST_ALL || cpu_set_has(told, m) || !same(n, m)))
			continue;
		cpu_set_add(&set, m);
		cpu_set_add(told, m);
	}
	return set;
}

/* The CPU with the newest record of those outside the set, or CPU_SET_NONE if none of them has a record. */
static unsigned next_newest(
	const struct cpu_set *set, uint32_t count, cpu_list_when when, const void *context)
{
	unsigned newest = CPU_SET_NONE;
	uint64_t at = 0;

	for (uint32_t n = 0; n < count; n++) {
		uint64_t tsc = cpu_set_has(set, n) ? 0 : when(context, n);

		if (tsc > at) {
			newest = n;
			at = tsc;
		}
	}
	return newest;
}

struct cpu_set cpu_list_newest(uint32_t count, uint32_t first, cpu_list_when when, const void *context)
{
	struct cpu_set set = {0};
	unsigned left = CPU_LIST_ALL - 1, n = first;

	if (count <= CPU_LIST_ALL) {
		for (n = 0; n < count; n++)
			cpu_set_add(&set, n);
		return set;
	}
	do
		cpu_set_add(&set, n);
	while (left-- && (n = next_newest(&set, count, when, context)) != CPU_SET_NONE);
	return set;
}
