// SPDX-License-Identifier: MIT
/*
 * Calls from every CPU at once: as many processes as CPUs, each with the copy buffer, marks and lookups. A
 * process gets what it has put, or is told that the copy buffer belongs to another by now. One line: "hammer
 * calls=... ok".
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../guest-tools/lib/trapline.h"

#define ROUNDS 4000
#define BYTES  70000

static unsigned char mine[BYTES], got[BYTES];

static int64_t copy(int call, void *at)
{
	struct trapline_registers r = {call, (uint64_t)at, BYTES, 0, TRAPLINE_PAGE_IN, 0};

	__asm__ volatile("vmcall"
			 : "+a"(r.rax), "+b"(r.rbx), "+c"(r.rcx), "+d"(r.rdx), "+S"(r.rsi), "+D"(r.rdi)
			 :
			 : "memory", "cc");
	return r.rax;
}

static int is_other(int64_t error)
{
	return error == TRAPLINE_E_DENIED || error == TRAPLINE_E_RANGE;
}

static int hammer(int cpu)
{
	cpu_set_t set;
	int own = 0;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	for (int i = 0; i < ROUNDS; i++) {
		int64_t error;

		memset(mine, 1 + cpu * 100 + i % 100, BYTES);
		error = copy(TRAPLINE_CALL_put_virtual, mine);
		if (error && !is_other(error))
			return 1;
		error = copy(TRAPLINE_CALL_get_virtual, got);
		if (error ? !is_other(error) : memcmp(mine, got, BYTES) != 0)
			return 2;
		own += !error;
		if (trapline_lookup("get_virtual") != TRAPLINE_CALL_get_virtual)
			return 3;
		if (i % 100 == 0 && trapline_mark("hammer") <= 0)
			return 4;
	}
	return own ? 0 : 5;
}

int main(void)
{
	int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN), failed = 0, status;

	if (!trapline_present())
		return 1;
	for (int cpu = 0; cpu < cpus; cpu++)
		if (fork() == 0)
			_exit(hammer(cpu));
	while (wait(&status) > 0)
		if (status) {
			printf("hammer status=0x%x\n", status);
			failed++;
		}
	printf("hammer cpus=%d calls=%d %s\n", cpus, cpus * ROUNDS * 3, failed ? "FAILED" : "ok");
	return failed;
}
