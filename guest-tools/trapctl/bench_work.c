// SPDX-License-Identifier: MIT
/* What trapctl bench does, again and again, while the clocks count. */
#define _GNU_SOURCE
#include "bench.h"
#include "trapctl.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE        4096ul
#define WARM_ROUNDS 3
#define READS       16 /* of the counter, for what one costs */
#define UD2_BYTES   2

struct clocks {
	uint64_t unit[BENCH_UNITS];
};

static int counter = -1;       /* of core cycles; -1: there is none */
static uint64_t counter_costs; /* cycles that reading it takes */

/* LFENCE waits for what stands before it, and holds back what stands behind it (SDM vol. 2B, RDTSC). */
static uint64_t ticks(void)
{
	uint64_t now;

	__builtin_ia32_lfence();
	now = __builtin_ia32_rdtsc();
	__builtin_ia32_lfence();
	return now;
}

/* False: there is no counter, or the kernel could not leave it on the CPU. */
static bool cycles(uint64_t *now)
{
	return counter >= 0 && read(counter, now, sizeof(*now)) == sizeof(*now);
}

/* Returns false if the counter does not count. */
static bool calibrate(void)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < READS; i++) {
		uint64_t start, end;

		if (!cycles(&start) || !cycles(&end))
			return false;
		least = end - start < least ? end - start : least;
	}
	counter_costs = least;
	return least > 0;
}

/*
 * The kernel's cycles count as well, and Trapline's, because the CPU counts on. Children count when they have ended. Pinned: it is on
 * the CPU all the time, or reading it fails.
 */
static const char *open_counter(void)
{
	struct perf_event_attr a = {.type = PERF_TYPE_HARDWARE,
		.size = sizeof(a),
		.config = PERF_COUNT_HW_CPU_CYCLES,
		.inherit = 1,
		.pinned = 1};

	counter = (int)syscall(SYS_perf_event_open, &a, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (counter < 0)
		return errno == EACCES || errno == EPERM ? "the kernel permits it to root only"
							 : "this system has no counter for them";
	if (calibrate())
		return NULL;
	close(counter);
	counter = -1;
	return "the counter does not count on this CPU";
}

static bool do_cpuid(unsigned n)
{
	while (n--) {
		uint32_t a = 0, b, c = 0, d;

		__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	}
	return true;
}

static bool is_amd;

/* Directly: the library's own part would count as well. RAX alone is an argument and a result of this call. */
static bool do_vmcall(unsigned n)
{
	uint64_t result = 0;

	while (n--) {
		uint64_t a = TRAPLINE_CALL_null;

		if (is_amd)
			__asm__ volatile("vmmcall" : "+a"(a)::"memory", "cc");
		else
			__asm__ volatile("vmcall" : "+a"(a)::"memory", "cc");
		result |= a;
	}
	return !result;
}

static struct sigaction old_ill, old_trap;

static void pass_over(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += UD2_BYTES;
}

/* RIP is behind INT3 already. */
static void go_on(int signal)
{
	(void)signal;
}

static void catch_signals(void)
{
	struct sigaction ill = {.sa_sigaction = pass_over, .sa_flags = SA_SIGINFO},
			 trap = {.sa_handler = go_on};

	sigaction(SIGILL, &ill, &old_ill);
	sigaction(SIGTRAP, &trap, &old_trap);
}

static void release_signals(void)
{
	sigaction(SIGILL, &old_ill, NULL);
	sigaction(SIGTRAP, &old_trap, NULL);
}

static bool do_ud(unsigned n)
{
	while (n--)
		__asm__ volatile("ud2" ::: "memory");
	return true;
}

static bool do_bp(unsigned n)
{
	while (n--)
		__asm__ volatile("int3" ::: "memory");
	return true;
}

#define X(name, times) [BENCH_##name] = (times),
static const unsigned times[] = {BENCH_COSTS(X)};
#undef X

static volatile char *pages = MAP_FAILED;

/* Without huge pages each page takes a fault of its own. */
static void map_pages(void)
{
	pages = mmap(
		NULL, times[BENCH_pf] * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages != MAP_FAILED)
		madvise((void *)pages, times[BENCH_pf] * PAGE, MADV_NOHUGEPAGE);
}

static void unmap_pages(void)
{
	if (pages != MAP_FAILED)
		munmap((void *)pages, times[BENCH_pf] * PAGE);
}

static bool do_pf(unsigned n)
{
	if (pages == MAP_FAILED)
		return false;
	for (unsigned i = 0; i < n; i++)
		pages[i * PAGE] = 1;
	return true;
}

static bool do_fork(unsigned n)
{
	while (n--) {
		int status;
		pid_t child = fork();

		if (!child)
			_exit(0);
		if (child < 0 || waitpid(child, &status, 0) != child || status)
			return false;
	}
	return true;
}

/* What stands before and behind the work of a round is not measured. */
static const struct work {
	void (*before)(void);
	bool (*run)(unsigned n);
	void (*after)(void);
} work[] = {
	[BENCH_cpuid] = {.run = do_cpuid},
	[BENCH_vmcall] = {.run = do_vmcall},
	[BENCH_ud] = {catch_signals, do_ud, release_signals},
	[BENCH_bp] = {catch_signals, do_bp, release_signals},
	[BENCH_pf] = {map_pages, do_pf, unmap_pages},
	[BENCH_fork] = {.run = do_fork},
};

/* A round whose cycles were not counted has 0 of them. */
static bool measure_round(enum bench_kind kind, double took[BENCH_UNITS])
{
	const struct work *w = &work[kind];
	uint64_t tsc, from, to;
	bool counted, done;

	if (w->before)
		w->before();
	counted = cycles(&from);
	tsc = ticks();
	done = w->run(times[kind]);
	tsc = ticks() - tsc;
	counted = cycles(&to) && counted && to > from + counter_costs;
	if (w->after)
		w->after();
	took[BENCH_TSC] = (double)tsc / times[kind];
	took[BENCH_CYCLES] = counted ? (double)(to - from - counter_costs) / times[kind] : 0;
	return done;
}

/* One round without cycles, and the kind has none: its median would not be that of all rounds. */
static bool measure_kind(struct bench *b, enum bench_kind kind, double *value[BENCH_UNITS])
{
	double took[BENCH_UNITS];

	for (unsigned i = 0; i < WARM_ROUNDS; i++)
		if (!measure_round(kind, took))
			return false;
	for (unsigned i = 0; i < b->rounds; i++) {
		if (!measure_round(kind, took))
			return false;
		for (unsigned unit = 0; unit < BENCH_UNITS; unit++)
			value[unit][i] = took[unit];
	}
	for (unsigned unit = 0; unit < BENCH_UNITS; unit++)
		b->spread[unit][kind] = bench_spread_of(value[unit], b->rounds);
	if (!bench_is_valid(&b->spread[BENCH_CYCLES][kind]))
		b->spread[BENCH_CYCLES][kind] = (struct bench_spread){0};
	return bench_is_valid(&b->spread[BENCH_TSC][kind]);
}

/* Why it cannot be measured; NULL: it can. */
static const char *not_possible(enum bench_kind kind)
{
	struct trapline_registers r = {.rax = TRAPLINE_CALL_null};
	char backend[ABOUT_MAX];

	if (kind != BENCH_vmcall)
		return NULL;
	if (!trapline_present())
		return "no Trapline, not measured";
	is_amd = !strcmp(about("backend", backend), "svm");
	return trapline_call(&r) < 0 ? "Trapline refuses it to user mode, not measured" : NULL;
}

/* The kernel would fill new pages at once, if they are to be locked. */
static bool settle(unsigned cpu)
{
	cpu_set_t *set = CPU_ALLOC(cpu + 1);
	size_t size = CPU_ALLOC_SIZE(cpu + 1);
	bool done;

	munlockall();
	CPU_ZERO_S(size, set);
	CPU_SET_S(cpu, size, set);
	done = !sched_setaffinity(0, size, set);
	CPU_FREE(set);
	return done;
}

bool bench_measure(struct bench *b, const char **why)
{
	double *value[BENCH_UNITS];

	if (!settle(b->cpu))
		return false;
	*why = open_counter();
	for (unsigned unit = 0; unit < BENCH_UNITS; unit++)
		value[unit] = calloc(b->rounds, sizeof(double));
	for (unsigned kind = 0; kind < BENCH_COUNT; kind++) {
		b->none[kind] = not_possible(kind);
		if (!b->none[kind] && !measure_kind(b, kind, value))
			b->none[kind] = "it failed, not measured";
	}
	for (unsigned unit = 0; unit < BENCH_UNITS; unit++)
		free(value[unit]);
	return true;
}
