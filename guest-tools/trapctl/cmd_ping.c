// SPDX-License-Identifier: MIT
#include "trapctl.h"

#include <stdio.h>
#include <time.h>

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int command_ping(int argc, char **argv)
{
	uint64_t count = 1000;
	double start;

	if (argc > 2 || (argc == 2 && (!number(argv[1], &count) || !count)))
		return usage(argv[0]);
	start = seconds();
	for (uint64_t i = 0; i < count; i++) {
		struct trapline_registers r = {.rax = TRAPLINE_CALL_null};

		if (trapline_call(&r) < 0)
			return fail("ping", r.rax);
	}
	print_fields("ping count=%llu us=%.3f", (unsigned long long)count,
		(seconds() - start) * 1e6 / (double)count);
	return STATUS_OK;
}
