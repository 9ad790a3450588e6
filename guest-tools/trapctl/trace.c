/* The records of all CPUs, in the order of time, in the words of the console. */
#define _GNU_SOURCE
#include "trapctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trace/format.h>
#include <trace/text.h>
#include <trace/vector.h>
#include <unistd.h>
#include <x86intrin.h>

#define CPUS_MAX        64
#define BATCH           64
#define FOLLOW_US       100000
#define SYMBOL_LINE_MAX (2 * SYMBOL_MAX + 16) /* each character of a file's name may need a \\ */

static struct options {
	bool follow, json, no_marks;
	int pid;
	uint32_t vectors;
	uint64_t cpus; /* one bit each */
	uint64_t last; /* 0: all */
	uint64_t cpl, rip_from, rip_to, cr3;
	bool by_cpl, by_cr3;
} options;

struct source {
	unsigned cpu;
	uint64_t next, lost;
	struct trap_record record[BATCH];
	unsigned have, used;
};

static struct source sources[CPUS_MAX];
static unsigned source_count;
static struct trap_clock clock_of_log;
static uint64_t until; /* TSC: when reading began */

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
	if ((v = option_value(word, "--rip")))
		return take_rip(v);
	if ((v = option_value(word, "--pid"))) {
		bool good = take_number(v, &n, &ignored) && n <= INT32_MAX;
		options.pid = (int)n;
		return good;
	}
	if ((v = option_value(word, "--cpu"))) {
		bool good = take_number(v, &n, &ignored) && n < CPUS_MAX;
		options.cpus = 1ull << (n % CPUS_MAX);
		return good;
	}
	return false;
}

static bool take_options(int argc, char **argv)
{
	options = (struct options){.vectors = ~0u, .cpus = ~0ull, .rip_to = ~0ull};
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--follow"))
			options.follow = true;
		else if (!strcmp(argv[i], "--json"))
			options.json = true;
		else if (!strcmp(argv[i], "--no-marks"))
			options.no_marks = true;
		else if (!take_value(argv[i]))
			return false;
	}
	return true;
}

static bool wanted(const struct trap_record *r)
{
	if (r->rip < options.rip_from || r->rip > options.rip_to ||
		(options.by_cpl && r->cpl != options.cpl) ||
		(options.by_cr3 && (r->cr3 ^ options.cr3) & ~0xfffull))
		return false;
	if (r->type == TRAP_TYPE_MARK)
		return !options.no_marks;
	return options.vectors >> (r->vector & 31) & 1;
}

/* A decimal number. Code bytes are text, whatever digits they are made of. */
static bool is_number(const char *name, const char *value, size_t n)
{
	return strncmp(name, "code=", 5) && strspn(value, "0123456789.") == n;
}

/* One pair of a logfmt line as a member of an object. Decimal numbers are numbers, the rest is text. */
static const char *print_member(const char *at, bool first)
{
	size_t name = strcspn(at, "=");
	const char *value = at + name + 1;
	size_t n = *value == '"' ? 1 : strcspn(value, " ");
	bool plain;

	if (*value == '"') {
		while (value[n] && value[n] != '"')
			n += value[n] == '\\' ? 2 : 1;
		n++;
	}
	plain = *value == '"' || is_number(at, value, n);
	printf("%s\"%.*s\":%s%.*s%s", first ? "" : ",", (int)name, at, plain ? "" : "\"", (int)n, value,
		plain ? "" : "\"");
	return value + n;
}

static void print_json(const char *line)
{
	const char *at = line + strcspn(line, " ");

	printf("{\"kind\":\"%.*s\"", (int)(at - line), line);
	while (*at == ' ')
		at = print_member(at + 1, false);
	printf("}\n");
}

static void print(const struct trap_record *r)
{
	char line[TRAP_LINE_MAX + SYMBOL_LINE_MAX];
	struct text t = text_on(line, sizeof(line));
	const char *name = symbol(r->rip, options.pid);

	t.length = trap_format(line, TRAP_LINE_MAX, r, &clock_of_log);
	if (*name) {
		text_add(&t, " sym=");
		text_add_value(&t, name, true);
	}
	if (options.json)
		print_json(line);
	else
		puts(line);
}

/* Makes sure that the source has a record at hand, if there is a new one. Negative: an error. */
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
 * The oldest record of all sources. NULL: nothing is new, or *error. What comes after `until` waits for the next time: in a
 * storm there would be no end.
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

static int64_t set_up(void)
{
	struct trapline_registers r = {.rax = TRAPLINE_CALL_status};
	int64_t cpus = trapline_call(&r);

	clock_of_log = (struct trap_clock){.tsc_start = r.rsi, .tsc_khz = (uint32_t)r.rdi};
	for (unsigned cpu = 0; cpus > 0 && cpu < cpus && cpu < CPUS_MAX; cpu++)
		if (options.cpus >> cpu & 1)
			sources[source_count++] = (struct source){.cpu = cpu, .next = 1};
	return cpus;
}

/* The newest ones only: what is wanted goes round in a ring of that size until all is read. */
static int64_t print_last(void)
{
	struct trap_record *kept = calloc(options.last, sizeof(*kept));
	const struct trap_record *r;
	uint64_t n = 0;
	int64_t error;

	if (!kept)
		return TRAPLINE_SYSTEM;
	until = __rdtsc();
	while ((r = next_record(&error)))
		if (wanted(r))
			kept[n++ % options.last] = *r;
	for (uint64_t i = n > options.last ? n - options.last : 0; i < n; i++)
		print(&kept[i % options.last]);
	free(kept);
	return error;
}

static int64_t print_all(void)
{
	const struct trap_record *r;
	int64_t error;

	until = __rdtsc();
	while ((r = next_record(&error)))
		if (wanted(r))
			print(r);
	return error;
}

int command_trace(int argc, char **argv)
{
	int64_t error;

	if (!take_options(argc, argv))
		return usage(argv[0]);
	error = set_up();
	if (error >= 0)
		error = options.last ? print_last() : print_all();
	while (error >= 0 && options.follow) {
		fflush(stdout);
		report_lost();
		usleep(FOLLOW_US);
		error = print_all();
	}
	report_lost();
	return error < 0 ? fail("trace", error) : STATUS_OK;
}
