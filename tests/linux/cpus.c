// SPDX-License-Identifier: MIT
/* Every CPU: exceptions on all of them at once, and CPUs that go offline and come back. See init.h. */
#define _GNU_SOURCE
#include "init.h"

#include <cpuid.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define CPUS_MAX  256
#define SIGNATURE 0x40000000
#define UD2_SIZE  2

struct worker {
	pthread_t thread;
	int cpu;
	long n;    /* how many it provokes */
	long seen; /* SIGILLs that were right */
	long wrong;
	long us;
	int under_trapline;
};

extern const char ud2_at[];

static __thread struct worker *me;
static pthread_barrier_t all_ready;

/* A signal is right if it is for the one UD2, on the CPU that the thread is bound to. */
static void on_sigill(int signal, siginfo_t *info, void *context)
{
	greg_t *gregs = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)signal;
	if (info->si_addr == ud2_at && gregs[REG_RIP] == (greg_t)ud2_at && sched_getcpu() == me->cpu)
		me->seen++;
	else
		me->wrong++;
	gregs[REG_RIP] += UD2_SIZE;
}

__attribute__((noinline)) static void raise_ud(void)
{
	__asm__ volatile(".globl ud2_at\nud2_at: ud2");
}

static void catch_sigill(void)
{
	struct sigaction action = {.sa_sigaction = on_sigill, .sa_flags = SA_SIGINFO};

	sigaction(SIGILL, &action, NULL);
}

/* Trapline answers every CPUID: a CPU without its signature runs outside of Trapline. */
static int sees_trapline(void)
{
	unsigned eax, ebx, ecx, edx;
	char name[13] = "";

	__cpuid(SIGNATURE, eax, ebx, ecx, edx);
	memcpy(name, &ebx, 4);
	memcpy(name + 4, &ecx, 4);
	memcpy(name + 8, &edx, 4);
	return !strcmp(name, "TraplineVMM");
}

static int bind_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof set, &set);
}

static void *work(void *argument)
{
	struct worker *w = me = argument;
	struct timespec start;

	if (bind_to(w->cpu))
		w->n = -1;
	w->under_trapline = sees_trapline();
	pthread_barrier_wait(&all_ready);
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (long i = 0; i < w->n; i++)
		raise_ud();
	w->us = microseconds_since(&start);
	return NULL;
}

static void print_worker(const char *word, const struct worker *w)
{
	printf("%s cpu=%d n=%ld seen=%ld wrong=%ld trapline=%d us=%ld\n", word, w->cpu, w->n, w->seen,
		w->wrong, w->under_trapline, w->us);
}

/* One thread for each CPU, all at once; each raises n exceptions. */
static void provoke(const char *word, int cpus, long n)
{
	static struct worker workers[CPUS_MAX];

	pthread_barrier_init(&all_ready, NULL, cpus);
	for (int i = 0; i < cpus; i++) {
		workers[i] = (struct worker){.cpu = i, .n = n};
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	}
	for (int i = 0; i < cpus; i++) {
		pthread_join(workers[i].thread, NULL);
		print_worker(word, &workers[i]);
	}
	pthread_barrier_destroy(&all_ready);
}

static int online_cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < CPUS_MAX ? n : CPUS_MAX;
}

void run_allstorm(long n)
{
	catch_sigill();
	provoke("allstorm", online_cpus(), n);
}

static int set_online(int cpu, int on)
{
	char path[64], value = on ? '1' : '0';
	int file, done;

	snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/online", cpu);
	file = open(path, O_WRONLY);
	if (file < 0)
		return 0;
	done = write(file, &value, 1) == 1;
	close(file);
	return done;
}

void run_hotplug(long rounds)
{
	int cpus = online_cpus();

	catch_sigill();
	for (long round = 0; round < rounds; round++) {
		int off = 0, on = 0;

		for (int cpu = 1; cpu < cpus; cpu++)
			off += set_online(cpu, 0);
		printf("hotplug round=%ld off=%d left=%d\n", round, off, online_cpus());
		for (int cpu = 1; cpu < cpus; cpu++)
			on += set_online(cpu, 1);
		printf("hotplug round=%ld on=%d\n", round, on);
		provoke("plugged", cpus, 1);
	}
}
