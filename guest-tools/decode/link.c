// SPDX-License-Identifier: MIT
/* Finds what belongs together: runs, reports, and the lines that add to a record. */
#include "read.h"
#include "lib/array.h"

#include <string.h>

struct state {
	struct model *m;
	unsigned run, story;
	size_t owner;    /* the record or `stands` line to which by, regs, stack, walk and idt belong */
	bool in_last;    /* between "last run:" and "end of last run" */
	bool takes_trap; /* in a verdict's story: the next record is an earlier one that is printed again */
};

static bool is_detail(enum entry_kind kind)
{
	return kind == ENTRY_BY || kind == ENTRY_REGS || kind == ENTRY_STACK || kind == ENTRY_WALK ||
	       kind == ENTRY_IDT;
}

/* Lines of a verdict's story without a name=value. */
static bool is_story_note(const char *text)
{
	static const char *const words[] = {"trapline: also of the kernel's", " more lines of this ",
		"trapline: last exits", "trapline: before the chain", "trapline: guest state",
		"trapline: stopped cpu=", " did not stop", " waits for a SIPI"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(text, words[i]))
			return true;
	return false;
}

static void begin_run(struct state *s, const struct entry *e)
{
	struct model *m = s->m;
	uint64_t cpus;

	m->run = model_grow(m->run, &m->run_room, m->runs, sizeof(*m->run));
	m->run[m->runs] = (struct run){.active = (size_t)(e - m->entry),
		.version = entry_field(e, "version"),
		.backend = entry_field(e, "backend"),
		.cpus = NOT_KNOWN};
	if (entry_number(e, "cpus", &cpus) && cpus <= UINT16_MAX)
		m->run[m->runs].cpus = (int)cpus;
	s->run = (unsigned)m->runs++;
}

static void begin_story(struct state *s, enum entry_kind kind, size_t i)
{
	struct model *m = s->m;
	const struct entry *e = &m->entry[i];

	m->story = model_grow(m->story, &m->story_room, m->stories, sizeof(*m->story));
	m->story[m->stories] = (struct story){.kind = kind,
		.first = i,
		.last = i,
		.record = NO_ENTRY,
		.run = e->run,
		.verdict = kind == ENTRY_VERDICT ? i : NO_ENTRY,
		.again = strstr(e->text, "\"same cause as above") != NULL};
	s->story = (unsigned)m->stories++;
	s->takes_trap = kind == ENTRY_VERDICT;
}

/* The report of a triple fault continues with the story of its verdict. */
static void begin_report(struct state *s, enum entry_kind kind, size_t i)
{
	struct story *open = &s->m->story[s->story];

	if (s->story != NO_STORY && open->kind == ENTRY_VERDICT && open->record == NO_ENTRY &&
		kind == ENTRY_TRIPLE)
		open->kind = ENTRY_TRIPLE;
	else
		begin_story(s, kind, i);
}

static bool ends_report(enum entry_kind kind)
{
	return kind == ENTRY_ACTIVE || kind == ENTRY_GUEST_END || kind == ENTRY_LAST_RUN ||
	       kind == ENTRY_LAST_END || kind == ENTRY_SUMMARY;
}

/* Whether an entry that begins no report belongs to the open story. */
static bool goes_on(struct state *s, const struct entry *e)
{
	enum entry_kind story = s->m->story[s->story].kind;

	if (ends_report(e->kind))
		return false;
	if (story != ENTRY_VERDICT)
		return e->kind != ENTRY_OTHER && e->kind != ENTRY_MARK;
	if (e->kind == ENTRY_TRAP)
		return s->takes_trap;
	if (e->kind == ENTRY_NOTE && is_story_note(e->text))
		return s->takes_trap = true;
	return is_detail(e->kind) || e->kind == ENTRY_STANDS || e->kind == ENTRY_SITE ||
	       e->kind == ENTRY_EXIT;
}

static void put_in_story(struct state *s, size_t i)
{
	struct entry *e = &s->m->entry[i];
	struct story *story;

	if (e->kind == ENTRY_VERDICT || e->kind == ENTRY_TRIPLE || e->kind == ENTRY_FAULT)
		begin_report(s, e->kind, i);
	else if (s->story != NO_STORY && e->kind != ENTRY_OTHER && !goes_on(s, e))
		s->story = NO_STORY;
	if (s->story == NO_STORY || (e->kind == ENTRY_OTHER && !e->last))
		return;
	story = &s->m->story[s->story];
	e->story = s->story;
	story->last = i;
	if (e->record && !e->before && story->record == NO_ENTRY)
		story->record = i;
	if (e->record)
		s->takes_trap = false;
	if (e->kind == ENTRY_CHAIN_END || e->kind == ENTRY_FAULT_END)
		s->story = NO_STORY;
}

static void attach(struct state *s, size_t i)
{
	struct entry *e = &s->m->entry[i];

	if (e->record || e->kind == ENTRY_STANDS)
		s->owner = i;
	else if (e->kind != ENTRY_OTHER && !is_detail(e->kind))
		s->owner = NO_ENTRY;
	if (!is_detail(e->kind) || s->owner == NO_ENTRY)
		return;
	e->of = s->owner;
	e->cpu = s->m->entry[s->owner].cpu;
	if (e->kind == ENTRY_REGS && s->m->entry[s->owner].record)
		record_add_registers(&s->m->entry[s->owner], e);
}

static void take_cpu(struct entry *e)
{
	uint64_t cpu;

	if (e->cpu == NOT_KNOWN && entry_number(e, "cpu", &cpu) && cpu <= UINT16_MAX)
		e->cpu = (int)cpu;
}

static void link_entry(struct state *s, size_t i)
{
	struct entry *e = &s->m->entry[i];

	if (e->kind == ENTRY_LAST_RUN)
		s->in_last = true;
	e->last |= s->in_last;
	if (e->kind == ENTRY_ACTIVE && !e->last)
		begin_run(s, e);
	if (e->kind == ENTRY_LAST_END || (e->kind == ENTRY_ACTIVE && s->run))
		s->in_last = false;
	e->run = s->run;
	take_cpu(e);
	put_in_story(s, i);
	attach(s, i);
}

void link_entries(struct model *m)
{
	struct state s = {.m = m, .owner = NO_ENTRY};

	for (size_t i = 0; i < m->entries; i++)
		link_entry(&s, i);
}
