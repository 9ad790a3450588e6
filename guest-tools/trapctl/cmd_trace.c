// SPDX-License-Identifier: MIT
/* Prints the records of all CPUs, in the order of time, in the format of the console. */
#define _GNU_SOURCE
#include "trapctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trace/format.h>
#include <trace/process.h>
#include <trace/text.h>
#include <trace/vector.h>
#include <unistd.h>
#include <x86intrin.h>

#define CPUS_MAX  1024 /* Trapline supports no more: docs/smp.md */
#define EVERY_CPU CPUS_MAX
#define BATCH     64
#define FOLLOW_US 100000

static struct options {
	bool follow, keep, no_marks;
	int pid;
	uint32_t vectors;
	uint64_t cpu;  /* EVERY_CPU: all */
	uint64_t last; /* 0: all */
	uint64_t cpl, rip_from, rip_to, cr3, as;
	bool by_cpl, by_cr3, by_as;
} options;

struct source {
	unsigned cpu;
	uint64_t next, lost;
	struct trap_record record[BATCH];
	unsigned have, used;
};

static struct {
	struct trap_record *record;
	size_t room, count;
} found;

static struct source sources[CPUS_MAX];
static unsigned source_count;
static struct trap_clock clock_of_log;
static uint64_t until; /* TSC at which reading began */

static bool take_rip(const char *text)
{
	char *copy = strdup(text), *dash = strchr(copy, '-');
	bool good;

	if (dash)
		*dash = '\0';
	good = number(copy, &options.rip_from) && (!dash || number(dash + 1, &options.rip_to));
	if (!dash)
		options.rip_to = options.rip_from;
	free(copy);
	return good;
}

static bool take_number(const char *text, uint64_t *value, bool *given)
{
	*given = true;
	return number(text, value);
}

static bool take_value(const char *word)
{
	const char *v;
	uint64_t n = 0;
	bool ignored;

	if ((v = option_value(word, "--last")))
		return number(v, &options.last) && options.last;
	if ((v = option_value(word, "--vector")))
		return vector_list(v, &options.vectors);
	if ((v = option_value(word, "--cpl")))
		return take_number(v, &options.cpl, &options.by_cpl);
	if ((v = option_value(word, "--cr3")))
		return take_number(v, &options.cr3, &options.by_cr3);
	if ((v = option_value(word, "--as")))
		return take_number(v, &options.as, &options.by_as);
	if ((v = option_value(word, "--rip")))
		return take_rip(v);
	if ((v = option_value(word, "--pid")) && !strcmp(v, "ended")) {
		options.pid = PID_ENDED;
		return true;
	}
	if (v) {
		bool good = take_number(v, &n, &ignored) && n <= INT32_MAX;
		options.pid = (int)n;
		return good;
	}
	if ((v = option_value(word, "--cpu"))) {
		bool good = take_number(v, &n, &ignored) && n < CPUS_MAX;
		options.cpu = n;
		return good;
	}
	return false;
}

static bool take_options(int argc, char **argv)
{
	options = (struct options){.vectors = ~0u, .cpu = EVERY_CPU, .rip_to = ~0ull};
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--follow"))
			options.follow = true;
		else if (!strcmp(argv[i], "--keep"))
			options.keep = true;
		else if (!strcmp(argv[i], "--no-marks"))
			options.no_marks = true;
		else if (!take_value(argv[i]))
			return false;
	}
	return true;
}

static bool (*only)(const struct trap_record *r); /* trace_follow()'s choice, in the place of the options */

static bool wanted(const struct trap_record *r)
{
	if (only)
		return only(r);
	if (r->rip < options.rip_from || r->rip > options.rip_to ||
		(options.by_cpl && r->cpl != options.cpl) ||
		(options.by_cr3 && (r->cr3 ^ options.cr3) & ~0xfffull) ||
		(options.by_as && process_space(r) != options.as))
		return false;
	if (r->type == TRAP_TYPE_MARK)
		return !options.no_marks;
	if (r->type == TRAP_TYPE_WATCH)
		return options.vectors == UINT32_MAX;
	return options.vectors >> (r->vector & 31) & 1;
}

static void name_record(struct text *t, const struct trap_record *r)
{
	text_add(t, "%s", symbol(r->rip, r->cr3, options.pid));
}

/* Asks Trapline for the owner of the record's address space. */
static void ask_process(const struct trap_record *r)
{
	struct trapline_registers call = {
		.rax = TRAPLINE_CALL_process_of, .rbx = process_space(r), .rcx = r->tsc};
	uint64_t name[2] = {0};

	if (!call.rbx)
		return;
	if (trapline_call(&call) < 0) {
		process_note(process_space(r), r->tsc, 0, (const char *)name);
		return;
	}
	name[0] = call.rdx;
	name[1] = call.rsi;
	process_note(process_space(r), r->tsc, (uint32_t)call.rcx, (const char *)name);
}

static void print(const struct trap_record *r)
{
	char line[TRAP_LINE_MAX +
		  2 * TEXT_VALUE_MAX]; /* a file's name, each character of which may need a \ */

	ask_process(r);
	trap_format(line, sizeof(line), r, &clock_of_log);
	print_line(line);
}

/* Makes sure that the source holds a record, if there is a new one. Returns a negative error. */
static int64_t fill(struct source *s)
{
	int64_t n;

	if (s->used < s->have)
		return 0;
	n = trapline_trace_read(s->cpu, &s->next, s->record, BATCH, &s->lost);
	s->have = n > 0 ? (unsigned)n : 0;
	s->used = 0;
	return n;
}

/*
 * The oldest record of all sources. NULL: there is nothing new, or *error is set. Records after `until` are left for the next
 * pass: in a storm a pass would never end.
 */
static const struct trap_record *next_record(int64_t *error)
{
	struct source *first = NULL;

	for (unsigned i = 0; i < source_count; i++) {
		struct source *s = &sources[i];

		*error = fill(s);
		if (*error < 0)
			return NULL;
		if (s->used < s->have && (!first || s->record[s->used].tsc < first->record[first->used].tsc))
			first = s;
	}
	*error = 0;
	return first && first->record[first->used].tsc <= until ? &first->record[first->used++] : NULL;
}

static void report_lost(void)
{
	for (unsigned i = 0; i < source_count; i++)
		if (sources[i].lost) {
			fprintf(stderr,
				"trapctl: cpu %u: %" PRIu64
				" records were overwritten before they were read\n",
				sources[i].cpu, sources[i].lost);
			sources[i].lost = 0;
		}
}

/* Records that were overwritten before there was a wish to read them. */
static void forget_lost(void)
{
	for (unsigned i = 0; i < source_count; i++)
		sources[i].lost = 0;
}

/* Returns the number of CPUs, or an error. */
static int64_t set_up(void)
{
	struct trapline_registers r = {.rax = TRAPLINE_CALL_status};
	int64_t cpus = trapline_call(&r);

	clock_of_log = (struct trap_clock){.tsc_start = r.rsi, .tsc_khz = (uint32_t)r.rdi};
	for (unsigned cpu = 0; cpus > 0 && cpu < cpus && cpu < CPUS_MAX; cpu++)
		if (options.cpu == EVERY_CPU || options.cpu == cpu)
			sources[source_count++] = (struct source){.cpu = cpu, .next = 1};
	return cpus;
}

/* With --last only the newest records are kept, in a circular buffer of that size. */
static bool keep(const struct trap_record *r)
{
	size_t more = found.room ? 2 * found.room : 16 * BATCH;

	if (options.last && found.count >= options.last) {
		found.record[found.count++ % options.last] = *r;
		return true;
	}
	if (found.count == found.room) {
		struct trap_record *larger = realloc(found.record, more * sizeof(*larger));

		if (!larger)
			return false;
		found.record = larger;
		found.room = more;
	}
	found.record[found.count++] = *r;
	return true;
}

/* Reads all records before any is printed: printing takes time and touches new pages, which makes records. */
static int64_t read_all(void)
{
	const struct trap_record *r;
	int64_t error;

	found.count = 0;
	until = __rdtsc();
	while ((r = next_record(&error)))
		if (wanted(r) && !keep(r))
			return TRAPLINE_SYSTEM;
	return error;
}

static void print_all(void)
{
	size_t n = found.count, last = options.last && n > options.last ? options.last : n;

	for (size_t i = n - last; i < n; i++)
		print(&found.record[options.last ? i % options.last : i]);
}

int trace_follow(bool (*is_wanted)(const struct trap_record *r), bool (*go_on)(void))
{
	int64_t error;
	bool more = true;

	options = (struct options){.vectors = ~0u, .cpu = EVERY_CPU, .rip_to = ~0ull};
	only = is_wanted;
	trap_format_names(name_record);
	error = set_up();
	for (bool first = true; error >= 0 && more; first = false) {
		more = go_on();
		error = read_all();
		print_all();
		fflush(stdout);
		if (first)
			forget_lost();
		report_lost();
		if (more)
			usleep(FOLLOW_US);
	}
	free(found.record);
	return error < 0 ? fail("watch", error) : STATUS_OK;
}

int command_trace(int argc, char **argv)
{
	int64_t error;

	if (!take_options(argc, argv))
		return usage(argv[0]);
	if (options.keep && freeze_for_now() != STATUS_OK)
		return STATUS_NO_ACCESS;
	trap_format_names(name_record);
	error = set_up();
	if (error >= 0)
		error = read_all();
	print_all();
	options.last = 0;
	while (error >= 0 && options.follow) {
		fflush(stdout);
		report_lost();
		usleep(FOLLOW_US);
		error = read_all();
		print_all();
	}
	report_lost();
	free(found.record);
	found.record = NULL;
	found.room = found.count = 0;
	return error < 0 ? fail("trace", error) : STATUS_OK;
}
