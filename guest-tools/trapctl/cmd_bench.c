// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "bench.h"
#include "trapctl.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS     31
#define ROUNDS_MIN 5
#define ROUNDS_MAX 10000
#define ONLINE     "/sys/devices/system/cpu/online"

struct options {
	const char *save, *against;
	FILE *out; /* of --save */
	uint64_t cpu, rounds;
};

/* The value of "--name VALUE" or "--name=VALUE"; NULL if the word is another one. */
static const char *take_value(char **argv, int *i, const char *name)
{
	if (strcmp(argv[*i], name))
		return option_value(argv[*i], name);
	return argv[*i + 1] ? argv[++*i] : NULL;
}

static bool take_option(char **argv, int *i, struct options *o)
{
	const char *value;

	if ((value = take_value(argv, i, "--save")))
		return *(o->save = value) != '\0';
	if ((value = take_value(argv, i, "--against")))
		return *(o->against = value) != '\0';
	if ((value = take_value(argv, i, "--cpu")))
		return number(value, &o->cpu) && o->cpu < CPU_SETSIZE;
	if ((value = take_value(argv, i, "--rounds")))
		return number(value, &o->rounds) && o->rounds >= ROUNDS_MIN && o->rounds <= ROUNDS_MAX;
	return false;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int complain(const char *path, const char *why)
{
	fprintf(stderr, "trapctl: %s: %s\n", path, why);
	return STATUS_FAILED;
}

/* Returns a status. */
static int read_file(const char *path, struct bench *b)
{
	FILE *in = fopen(path, "re");
	const char *wrong;

	if (!in)
		return complain(path, strerror(errno));
	wrong = bench_read(in, b);
	fclose(in);
	return wrong ? complain(path, wrong) : STATUS_OK;
}

static void to_output(void *to, const char *line)
{
	(void)to;
	print_line(line);
}

static void to_file(void *to, const char *line)
{
	fprintf(to, "%s\n", line);
}

/* It was opened before the measurement, and keeps until now what it had. A pipe or a terminal has nothing that could be cut. */
static int write_file(const char *path, FILE *out, const struct bench *b)
{
	bool failed = ftruncate(fileno(out), 0) && errno != EINVAL;

	if (!failed)
		bench_write(b, to_file, out);
	failed |= ferror(out) != 0;
	return fclose(out) || failed ? complain(path, strerror(errno)) : STATUS_OK;
}

static void print_notes(const struct bench *b, const char *no_cycles)
{
	if (*b->text[BENCH_TEXT_hypervisor] && !trapline_present())
		print_fields(
			"note text=\"another hypervisor is beneath this system: its costs are measured\"");
	print_fields(
		"note text=\"ud, bp, pf and fork contain what the kernel does for them: compare a run under "
		"Trapline with a bare one\"");
	if (no_cycles)
		print_fields("note text=\"unit=tsc is ticks of the time stamp counter; core cycles are not "
			     "counted: %s\"",
			no_cycles);
}

/* The lines that Trapline prints of these exceptions have an explanation in its log. */
static void mark(const char *text)
{
	if (trapline_present())
		trapline_mark(text);
}

/* Linux answers EINVAL for a CPU that is not there, is off, or is not among those of this process's cpuset. */
static int refuse_cpu(unsigned cpu, int error)
{
	char name[32];

	snprintf(name, sizeof(name), "CPU %u", cpu);
	if (error != EINVAL)
		return complain(name, strerror(error));
	fprintf(stderr, "trapctl: %s is not online or not permitted: see " ONLINE "\n", name);
	return STATUS_FAILED;
}

static int measure(struct bench *b, const char **no_cycles)
{
	double start = seconds(), took;
	uint64_t tsc = __builtin_ia32_rdtsc();
	char mhz[32];
	int error;

	mark("trapctl bench raises exceptions on purpose");
	error = bench_measure(b, no_cycles) ? 0 : errno;
	mark("trapctl bench has ended");
	if (error)
		return refuse_cpu(b->cpu, error);
	took = seconds() - start;
	snprintf(mhz, sizeof(mhz), "%.0f", (double)(__builtin_ia32_rdtsc() - tsc) / took / 1e6);
	bench_set(b, BENCH_TEXT_tsc_mhz, mhz);
	return STATUS_OK;
}

static int print(const struct options *o, const struct bench *before)
{
	static struct bench now;
	const char *no_cycles;
	int status;

	now.cpu = (unsigned)o->cpu;
	now.rounds = (unsigned)o->rounds;
	status = measure(&now, &no_cycles);
	if (status != STATUS_OK)
		return status;
	bench_describe(&now);
	bench_write(&now, to_output, NULL);
	print_notes(&now, no_cycles);
	if (o->against)
		bench_compare(before, &now, to_output, NULL);
	return o->out ? write_file(o->save, o->out, &now) : STATUS_OK;
}

/* Both files first: a measurement takes long. */
static int run(struct options *o)
{
	static struct bench before;
	int status = o->against ? read_file(o->against, &before) : STATUS_OK;

	if (status != STATUS_OK)
		return status;
	o->out = o->save ? fopen(o->save, "ae") : NULL;
	if (o->save && !o->out)
		return complain(o->save, strerror(errno));
	return print(o, &before);
}

int command_bench(int argc, char **argv)
{
	int cpu = sched_getcpu();
	struct options o = {.rounds = ROUNDS, .cpu = cpu < 0 ? 0 : (uint64_t)cpu};

	for (int i = 1; i < argc; i++)
		if (!take_option(argv, &i, &o))
			return usage(argv[0]);
	return run(&o);
}
