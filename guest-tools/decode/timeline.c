// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "timeline.h"
#include "trace/vector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST     1000000000000000 /* microseconds: 31 years */
#define CPU_NUMBERS (UINT16_MAX + 1)

static void *room_for(size_t count, size_t size)
{
	void *memory = calloc(count + 1, size);

	if (!memory) {
		fputs("trapline-decode: out of memory\n", stderr);
		exit(EXIT_FAILURE);
	}
	return memory;
}

/* A longer time is a damaged or forged log. */
static int64_t time_of(const struct entry *e)
{
	return e->us > LONGEST ? NOT_KNOWN : e->us;
}

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Puts all copies of one record side by side, the most complete copy first. */
static int by_identity(const void *left, const void *right)
{
	const struct moment *a = left, *b = right;
	const struct trap_record *r = a->e->record, *s = b->e->record;
	int order = compare(r->cpu, s->cpu);

	order = order ? order : compare(r->seq, s->seq);
	order = order ? order : compare(r->rip, s->rip);
	order = order ? order : compare(a->run, b->run);
	order = order ? order
		      : compare((uint64_t)__builtin_popcountll(b->e->known),
				(uint64_t)__builtin_popcountll(a->e->known));
	return order ? order : compare((uintptr_t)a->e, (uintptr_t)b->e);
}

/* Records without a time come first, in the order of their numbers. */
static int by_time(const void *left, const void *right)
{
	const struct moment *a = left, *b = right;
	int order = compare(a->run, b->run);

	order = order ? order : compare((uint64_t)(a->us + 1), (uint64_t)(b->us + 1));
	order = order ? order : compare(a->e->record->cpu, b->e->record->cpu);
	return order ? order : compare(a->e->record->seq, b->e->record->seq);
}

/* A binary record does not name its run, so it matches any. */
static bool is_same(const struct moment *a, const struct moment *b)
{
	const struct trap_record *r = a->e->record, *s = b->e->record;

	return r->cpu == s->cpu && r->seq == s->seq && r->rip == s->rip &&
	       (a->run == b->run || a->e->kind == ENTRY_RECORD || b->e->kind == ENTRY_RECORD);
}

static void keep_better(struct moment *kept, const struct moment *other)
{
	unsigned run = kept->run > other->run ? kept->run : other->run;

	if (__builtin_popcountll(other->e->known) > __builtin_popcountll(kept->e->known))
		kept->e = other->e;
	if (kept->us == NOT_KNOWN)
		kept->us = other->us;
	kept->run = run;
}

static void drop_same(struct timeline *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->records; i++) {
		if (kept && is_same(&t->record[kept - 1], &t->record[i]))
			keep_better(&t->record[kept - 1], &t->record[i]);
		else
			t->record[kept++] = t->record[i];
	}
	t->records = kept;
}

static bool is_reported(const struct entry *e)
{
	return e->record && e->kind != ENTRY_WATCH && (e->known & KNOWN(SEQ)) && (e->known & KNOWN(CPU));
}

static void list_cpus(struct timeline *t)
{
	t->cpu = room_for(t->records, sizeof(*t->cpu));
	for (size_t i = 0; i < t->records; i++)
		if (!t->cpus || t->cpu[t->cpus - 1] != t->record[i].e->record->cpu)
			t->cpu[t->cpus++] = t->record[i].e->record->cpu;
}

static void collect(struct timeline *t, const struct model *m)
{
	t->record = room_for(m->entries, sizeof(*t->record));
	for (size_t i = 0; i < m->entries; i++) {
		const struct entry *e = &m->entry[i];

		if (is_reported(e))
			t->record[t->records++] = (struct moment){.e = e, .run = e->run, .us = time_of(e)};
	}
	qsort(t->record, t->records, sizeof(*t->record), by_identity);
	drop_same(t);
	list_cpus(t);
	qsort(t->record, t->records, sizeof(*t->record), by_time);
}

/* Lines about the last run carry times of that run, so both runs have a clock of their own. */
static void set_times(struct timeline *t, const struct model *m)
{
	int64_t now[2] = {NOT_KNOWN, NOT_KNOWN};
	unsigned run[2] = {0, 0};

	t->at = room_for(m->entries, sizeof(*t->at));
	for (size_t i = 0; i < m->entries; i++) {
		const struct entry *e = &m->entry[i];

		if (e->run != run[e->last])
			now[e->last] = NOT_KNOWN;
		run[e->last] = e->run;
		if (time_of(e) != NOT_KNOWN)
			now[e->last] = e->us;
		t->at[i] = now[e->last];
	}
}

/* The last time of each run. */
static int64_t *run_ends(const struct timeline *t, const struct model *m)
{
	int64_t *end = room_for(m->runs, sizeof(*end));

	for (size_t run = 0; run < m->runs; run++)
		end[run] = NOT_KNOWN;
	for (size_t i = 0; i < m->entries; i++)
		if (t->at[i] > end[m->entry[i].run])
			end[m->entry[i].run] = t->at[i];
	return end;
}

static const char *begun(const struct entry *e)
{
	if (e->kind != ENTRY_NOTE || e->cpu == NOT_KNOWN || e->last)
		return NULL;
	if (!strncmp(e->text, "trapline: halted ", 17))
		return "halted";
	if (strstr(e->text, " is stopped"))
		return "stopped";
	if (strstr(e->text, " is held "))
		return "held";
	return NULL;
}

static bool ends(const struct entry *e)
{
	return e->kind == ENTRY_NOTE && e->cpu != NOT_KNOWN && !e->last &&
	       !strncmp(e->text, "trapline: awake ", 16);
}

/* The open span of each CPU, by its number. The spans of an earlier run have ended with it. */
static struct span *open_span(struct span *const *open, const struct entry *e)
{
	struct span *s = open[e->cpu];

	return s && s->run == e->run ? s : NULL;
}

static struct span *add_span(
	struct timeline *t, const struct entry *e, const char *what, int64_t from, int64_t until)
{
	struct span *s = &t->span[t->spans++];

	*s = (struct span){.what = what, .e = e, .run = e->run, .cpu = e->cpu, .from = from, .until = until};
	return s;
}

/* A second line about a CPU that still halts does not start a second span. */
static void find_spans(struct timeline *t, const struct model *m)
{
	struct span **open = room_for(CPU_NUMBERS, sizeof(struct span *));
	int64_t *end = run_ends(t, m);

	t->span = room_for(m->entries, sizeof(*t->span));
	for (size_t i = 0; i < m->entries; i++) {
		const struct entry *e = &m->entry[i];
		const char *what = begun(e);

		if (what && t->at[i] != NOT_KNOWN && !open_span(open, e))
			open[e->cpu] = add_span(t, e, what, t->at[i], end[e->run]);
		if (!ends(e))
			continue;
		if (open_span(open, e))
			open[e->cpu]->until = t->at[i];
		open[e->cpu] = NULL;
	}
	free(end);
	free(open);
}

void timeline_make(struct timeline *t, const struct model *m)
{
	*t = (struct timeline){0};
	collect(t, m);
	set_times(t, m);
	find_spans(t, m);
}

void timeline_free(struct timeline *t)
{
	free(t->record);
	free(t->span);
	free(t->at);
	free(t->cpu);
}

const char *record_name(const struct entry *e)
{
	static char text[16];
	const struct trap_record *r = e->record;

	if (r->type == TRAP_TYPE_MARK && (e->known & KNOWN(TYPE)))
		return "mark";
	if (r->type == TRAP_TYPE_WATCH && (e->known & KNOWN(TYPE)))
		return "watch";
	if (!(e->known & KNOWN(VECTOR)))
		return "";
	if (r->type == TRAP_TYPE_SOFTINT || r->type == TRAP_TYPE_EXTINT || r->vector >= VECTOR_COUNT) {
		snprintf(text, sizeof(text), "%s 0x%x", r->type == TRAP_TYPE_EXTINT ? "extint" : "int",
			r->vector);
		return text;
	}
	return vector_name(r->vector);
}
