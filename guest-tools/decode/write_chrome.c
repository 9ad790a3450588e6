// SPDX-License-Identifier: MIT
/*
 * Chrome's trace events (the "JSON Object Format"), which Perfetto and chrome://tracing open. A run is a process, a CPU a
 * thread: exceptions and marks are instants, halts and stops are spans, exits a track of their own; each vector has a counter.
 */
#include "../common/json_line.h"
#include "timeline.h"
#include "writers.h"

#include <inttypes.h>
#include <string.h>

#define EXITS_TRACK 65536 /* thread of a CPU's exits: behind those of all CPUs */
#define COUNTERS    512   /* of exceptions, and of INT n */

struct chrome {
	FILE *out;
	const struct model *m;
	struct timeline t;
	const char *between;
	uint64_t count[COUNTERS];
	unsigned run; /* whose counters they are */
};

static void begin_event(struct chrome *c, const char *name, char phase, unsigned run)
{
	fprintf(c->out, "%s\n{\"name\":", c->between);
	json_string(c->out, name, strlen(name));
	fprintf(c->out, ",\"ph\":\"%c\",\"pid\":%u", phase, run);
	c->between = ",";
}

static void name_track(struct chrome *c, unsigned run, int track, const char *what, const char *name)
{
	begin_event(c, what, 'M', run);
	fprintf(c->out, ",\"tid\":%d,\"args\":{\"name\":", track);
	json_string(c->out, name, strlen(name));
	fputs("}}", c->out);
}

static void name_tracks(struct chrome *c, unsigned run)
{
	const char *backend = c->m->run[run].backend;
	char text[64];

	snprintf(
		text, sizeof(text), "Trapline, run %u%s%s", run, backend ? ": " : "", backend ? backend : "");
	name_track(c, run, 0, "process_name", text);
	for (size_t i = 0; i < c->t.cpus; i++) {
		snprintf(text, sizeof(text), "CPU %d", c->t.cpu[i]);
		name_track(c, run, c->t.cpu[i], "thread_name", text);
		snprintf(text, sizeof(text), "CPU %d, exits", c->t.cpu[i]);
		name_track(c, run, EXITS_TRACK + c->t.cpu[i], "thread_name", text);
	}
}

static bool has_records(const struct chrome *c, unsigned run)
{
	for (size_t i = 0; i < c->t.records; i++)
		if (c->t.record[i].run == run)
			return true;
	return false;
}

static void end_with_line(struct chrome *c, const struct entry *e)
{
	fputs(",\"args\":{", c->out);
	json_line_members(c->out, e->text);
	fputs("}}", c->out);
}

static const char *category_of(const struct trap_record *r)
{
	if (r->type == TRAP_TYPE_WATCH)
		return "watch";
	return r->type == TRAP_TYPE_MARK ? "mark" : "exception";
}

static void write_instant(struct chrome *c, const struct moment *r, const char *name)
{
	begin_event(c, *name ? name : "?", 'i', r->run);
	fprintf(c->out, ",\"s\":\"t\",\"cat\":\"%s\",\"ts\":%" PRId64 ",\"tid\":%u",
		category_of(r->e->record), r->us, r->e->record->cpu);
	end_with_line(c, r->e);
}

/* INT 4 is not #OF. */
static unsigned counter_of(const struct trap_record *r)
{
	return r->vector + (r->type == TRAP_TYPE_SOFTINT || r->type == TRAP_TYPE_EXTINT ? 256 : 0);
}

/* A counter has the number of records of its vector so far, in this run and on all CPUs. */
static void write_counter(struct chrome *c, const struct moment *r, const char *name)
{
	bool numbered = r->e->known & KNOWN(VECTOR) && r->e->record->type != TRAP_TYPE_MARK &&
			r->e->record->type != TRAP_TYPE_WATCH;

	if (c->run != r->run)
		memset(c->count, 0, sizeof(c->count));
	c->run = r->run;
	if (!numbered)
		return;
	begin_event(c, name, 'C', r->run);
	fprintf(c->out, ",\"ts\":%" PRId64 ",\"args\":{\"count\":%" PRIu64 "}}", r->us,
		++c->count[counter_of(r->e->record)]);
}

static void write_records(struct chrome *c)
{
	for (size_t i = 0; i < c->t.records; i++) {
		const struct moment *r = &c->t.record[i];

		if (r->us == NOT_KNOWN)
			continue;
		write_instant(c, r, record_name(r->e));
		write_counter(c, r, record_name(r->e));
	}
}

static void write_spans(struct chrome *c)
{
	for (size_t i = 0; i < c->t.spans; i++) {
		const struct span *s = &c->t.span[i];

		begin_event(c, s->what, 'X', s->run);
		fprintf(c->out, ",\"cat\":\"stop\",\"ts\":%" PRId64 ",\"dur\":%" PRId64 ",\"tid\":%d",
			s->from, s->until - s->from, s->cpu);
		end_with_line(c, s->e);
	}
}

/* Converts 12.345678 to microseconds. Returns NOT_KNOWN for anything else. */
static int64_t time_of(const char *text)
{
	uint64_t seconds, us;

	if (!text || sscanf(text, "%9" SCNu64 ".%6" SCNu64, &seconds, &us) != 2)
		return NOT_KNOWN;
	return (int64_t)(seconds * 1000000 + us);
}

/* The log prints a loop of exits once. It lasts until its last exit. */
static void write_exit(struct chrome *c, const struct entry *e, int cpu)
{
	const char *name = entry_field(e, "name");
	int64_t from = time_of(entry_field(e, "t")), until = time_of(entry_field(e, "until"));

	if (from == NOT_KNOWN || cpu == NOT_KNOWN || e->last)
		return;
	begin_event(c, name ? name : "exit", until > from ? 'X' : 'i', e->run);
	fprintf(c->out, ",\"cat\":\"exit\",\"ts\":%" PRId64 ",\"tid\":%d", from, EXITS_TRACK + cpu);
	if (until > from)
		fprintf(c->out, ",\"dur\":%" PRId64, until - from);
	else
		fputs(",\"s\":\"t\"", c->out);
	end_with_line(c, e);
}

/* The line above the exits names their CPU. */
static void write_exits(struct chrome *c)
{
	int cpu = NOT_KNOWN;

	for (size_t i = 0; i < c->m->entries; i++) {
		const struct entry *e = &c->m->entry[i];

		if (e->kind == ENTRY_NOTE)
			cpu = strstr(e->text, " exits") ? e->cpu : NOT_KNOWN;
		if (e->kind == ENTRY_EXIT)
			write_exit(c, e, e->cpu == NOT_KNOWN ? cpu : e->cpu);
	}
}

/* A verdict is an instant across all tracks. */
static void write_verdicts(struct chrome *c)
{
	for (size_t i = 0; (i = entry_next(c->m, i, ENTRY_VERDICT)) != NO_ENTRY; i++) {
		const struct entry *e = &c->m->entry[i];

		if (c->t.at[i] == NOT_KNOWN || e->last)
			continue;
		begin_event(c, "verdict", 'i', e->run);
		fprintf(c->out,
			",\"s\":\"p\",\"cat\":\"verdict\",\"ts\":%" PRId64 ",\"tid\":0,\"args\":{\"text\":",
			c->t.at[i]);
		json_string(c->out, e->text, strlen(e->text));
		fputs("}}", c->out);
	}
}

int write_chrome(const struct model *m, FILE *out, const struct write_options *options)
{
	struct chrome c = {.out = out, .m = m, .between = ""};

	timeline_make(&c.t, m);
	fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[", out);
	for (unsigned run = 0; run < m->runs; run++)
		if (has_records(&c, run))
			name_tracks(&c, run);
	write_records(&c);
	write_spans(&c);
	write_exits(&c);
	write_verdicts(&c);
	fputs("\n]}\n", out);
	timeline_free(&c.t);
	return 0;
}
