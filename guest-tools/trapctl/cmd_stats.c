// SPDX-License-Identifier: MIT
#include "trapctl.h"

#include <stdio.h>
#include <string.h>
#include <trace/vector.h>

static int print_exits_of(unsigned cpu)
{
	for (uint64_t kind = 0;; kind++) {
		struct trapline_registers r = {TRAPLINE_CALL_exits, cpu, kind, 0, 0, 0};
		char name[3 * sizeof(uint64_t) + 1] = "";

		if (trapline_call(&r) < 0)
			return r.rax == TRAPLINE_E_RANGE ? STATUS_OK : fail("exits", r.rax);
		memcpy(name, &r.rcx, 8);
		memcpy(name + 8, &r.rdx, 8);
		memcpy(name + 16, &r.rsi, 8);
		if (r.rbx)
			print_fields("exits cpu=%u kind=%s count=%llu", cpu, name, (unsigned long long)r.rbx);
	}
}

static int print_vectors_of(unsigned cpu)
{
	for (unsigned vector = 0; vector < VECTOR_COUNT; vector++) {
		struct trapline_registers r = {TRAPLINE_CALL_stats, cpu, vector, 0, 0, 0};
		const char *name = vector_name(vector);

		if (trapline_call(&r) < 0)
			return fail("stats", r.rax);
		if (r.rbx + r.rcx)
			print_fields("stats cpu=%u vec=%u name=%s kernel=%llu user=%llu", cpu, vector,
				name ? name : "?", (unsigned long long)r.rbx, (unsigned long long)r.rcx);
	}
	return STATUS_OK;
}

int command_stats(int argc, char **argv)
{
	bool exits = argc == 2 && !strcmp(argv[1], "--exits");
	int64_t cpus = cpu_count();
	int status = STATUS_OK;

	if (argc > 2 || (argc == 2 && !exits))
		return usage(argv[0]);
	if (cpus < 0)
		return fail("stats", cpus);
	for (unsigned cpu = 0; cpu < cpus && status == STATUS_OK; cpu++)
		status = exits ? print_exits_of(cpu) : print_vectors_of(cpu);
	return status;
}
