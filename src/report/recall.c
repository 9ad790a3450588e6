// SPDX-License-Identifier: MIT
/*
 * The last run, read from the copy of its black box that the loader found. Everything in it is checked before it is
 * used: the reset may have interrupted any action, and memory may have lost a part.
 */
#include <trapline/record.h>
#include <boot/blackbox_layout.h>
#include "report/report.h"
#include "lib/string.h"
#include "blackbox/blackbox.h"
#include "report/recall.h"
#include "trace/chain.h"
#include "trace/cpu_list.h"
#include "trace/format.h"
#include "trace/reserve.h"
#include "trace/text.h"
#include "trace/vector.h"
#include "trace/verdict.h"

#define TEXT_TAIL          4096  /* characters shown of a run without an end */
#define STORY_TAIL         24576 /* or from the start of its last story, if that is not farther back */
#define TRAPS_SHOWN        16    /* for each CPU; repetitions count once */
#define STACK_LINES        4
#define STACK_WORDS_A_LINE 4
#define RESERVE_SHOWN      2 /* for each vector, older than the ones above */

static char last_text[BLACKBOX_TEXT_SIZE];

_Static_assert(sizeof(struct trap_record) == 256 && sizeof(struct exit_entry) == 32 &&
		       sizeof(struct reserve) == BLACKBOX_RESERVE_SIZE,
	"include/boot/blackbox_layout.h");

/* The box of the last run. */
struct last {
	const struct blackbox_header *box;
	const uint8_t *base;
	bool sealed, text_intact, rings_intact;
	struct trap_clock clock;
};

static bool sealed(const struct blackbox_header *h)
{
	return (h->end.sealed == BLACKBOX_SEALED || h->end.sealed == BLACKBOX_SAID) &&
	       h->end.checksum == blackbox_end_sum(&h->end) && !h->end.why[sizeof(h->end.why) - 1];
}

static struct last read_last(const struct boot_info *info)
{
	const struct blackbox_header *h = (const struct blackbox_header *)info->last_base;
	struct last l = {.box = h, .base = (const uint8_t *)h, .sealed = sealed(h)};

	l.text_intact = blackbox_text_sum(l.base + h->text_at) == h->text_sum;
	l.rings_intact = l.sealed && h->end.sealed == BLACKBOX_SEALED &&
			 blackbox_checksum(l.base + h->rings_at, h->cpus * h->cpu_size) == h->end.rings_sum;
	l.clock = (struct trap_clock){.tsc_start = h->tsc_start, .tsc_khz = (uint32_t)h->tsc_khz};
	return l;
}

static void add_quoted(struct text *t, const char *name, const char *value, size_t size)
{
	char copy[sizeof(((struct blackbox_end *)0)->why)];

	memcpy(copy, value, size);
	copy[size - 1] = 0;
	text_add(t, " %s=", name);
	text_add_quoted(t, copy);
}

static bool has_gone_on(const struct blackbox_header *h)
{
	return h->end.sealed == BLACKBOX_SAID;
}

static void add_heading(struct text *t, const struct last *l)
{
	static const char none[] = "none: reset button, watchdog, power, or it hung";
	const struct blackbox_header *h = l->box;

	text_add(t, "trapline: last run:");
	add_quoted(t, "version", h->vmm_version, sizeof(h->vmm_version));
	add_quoted(t, "backend", h->backend, sizeof(h->backend));
	add_quoted(t, "started", h->started, sizeof(h->started));
	text_add(t, " text=%s rings=%s", l->text_intact ? "intact" : "damaged",
		l->rings_intact                     ? "intact"
		: l->sealed && !has_gone_on(l->box) ? "damaged"
						    : "open");
	add_quoted(t, "end", l->sealed ? h->end.why : none, l->sealed ? sizeof(h->end.why) : sizeof(none));
	text_add(t, "\n");
}

/* Each line gets a prefix that distinguishes it from the lines of this run. */
static void add_text(struct text *t, const struct last *l, uint64_t from)
{
	const uint8_t *text = l->base + l->box->text_at;
	uint64_t head = l->box->text_head;
	bool start = true;

	if (head - from > BLACKBOX_TEXT_SIZE)
		from = head - BLACKBOX_TEXT_SIZE;
	for (; from != head && !t->cut; from++) {
		uint8_t c = text[from % BLACKBOX_TEXT_SIZE];

		if (start)
			text_add(t, "last| ");
		start = c == '\n';
		text_add(t, "%c", start || (c >= ' ' && c < 0x7f) ? c : '?');
	}
	if (!start)
		text_add(t, "\n");
}

/* What is one CPU's. */
static const uint8_t *cpu_of(const struct last *l, uint32_t cpu)
{
	return l->base + l->box->rings_at + cpu * l->box->cpu_size;
}

static struct blackbox_part part_of(const struct last *l)
{
	return blackbox_part(l->box->ring_records, l->box->history_entries);
}

static const struct trap_record *ring_of(const struct last *l, uint32_t cpu)
{
	return (const struct trap_record *)cpu_of(l, cpu);
}

static const struct reserve *reserve_of(const struct last *l, uint32_t cpu)
{
	return (const struct reserve *)(cpu_of(l, cpu) + part_of(l).reserve_at);
}

static const struct exit_entry *exits_of(const struct last *l, uint32_t cpu)
{
	return (const struct exit_entry *)(cpu_of(l, cpu) + part_of(l).history_at);
}

/* Whether the fields of a record have possible values. */
static bool believable(const struct trap_record *r, uint32_t cpu)
{
	return r->seq && r->cpu == cpu && r->cpl <= 3 && r->code_len <= TRAP_CODE_MAX &&
	       (r->mode == 16 || r->mode == 32 || r->mode == 64);
}

/* In a ring the sequence number also has to match the slot. */
static bool in_place(const struct trap_record *r, uint32_t slot, uint32_t records, uint32_t cpu)
{
	return (r->seq & (records - 1)) == slot && believable(r, cpu);
}

static uint64_t newest_of(const struct trap_record *ring, uint32_t records, uint32_t cpu)
{
	uint64_t seq = 0;

	for (uint32_t i = 0; i < records; i++)
		if (ring[i].seq > seq && in_place(&ring[i], i, records, cpu))
			seq = ring[i].seq;
	return seq;
}

/* The ring that the CPU wrote while its first ring was frozen. */
static const struct trap_record *beside_of(const struct last *l, uint32_t cpu)
{
	return (const struct trap_record *)(cpu_of(l, cpu) + part_of(l).beside_at);
}

static uint64_t newest(const struct last *l, uint32_t cpu)
{
	uint32_t records = l->box->ring_records;
	uint64_t in_ring = newest_of(ring_of(l, cpu), records, cpu),
		 in_beside = newest_of(beside_of(l, cpu), blackbox_beside(records), cpu);

	return in_ring > in_beside ? in_ring : in_beside;
}

/* The record with this number, from either ring; NULL: it is gone. */
static const struct trap_record *record_at(const struct last *l, uint32_t cpu, uint64_t seq)
{
	const struct trap_record *const ring[] = {ring_of(l, cpu), beside_of(l, cpu)};
	const uint32_t records[] = {l->box->ring_records, blackbox_beside(l->box->ring_records)};

	for (unsigned i = 0; i < 2; i++) {
		uint32_t slot = (uint32_t)seq & (records[i] - 1);

		if (ring[i][slot].seq == seq && in_place(&ring[i][slot], slot, records[i], cpu))
			return &ring[i][slot];
	}
	return NULL;
}

static void add_trap(struct text *t, const struct last *l, const struct trap_record *r)
{
	static char line[TRAP_LINE_MAX];

	trap_format(line, sizeof(line), r, &l->clock);
	text_add(t, "last| %s\n", line);
}

/* Older records, vector by vector: a flood of one vector has not overwritten the others in the reserve. */
static void add_reserve(struct text *t, const struct last *l, uint32_t cpu, uint64_t before)
{
	const struct reserve *reserve = reserve_of(l, cpu);

	for (unsigned v = 0; v < RESERVE_VECTORS; v++) {
		for (unsigned i = RESERVE_RECORDS - RESERVE_SHOWN; i < RESERVE_RECORDS; i++) {
			const struct trap_record *r =
				&reserve->record[v][(reserve->count[v] + i) % RESERVE_RECORDS];

			if (believable(r, cpu) && r->vector % RESERVE_VECTORS == v && r->seq < before)
				add_trap(t, l, r);
		}
	}
}

/* Consecutive records that are the same event at the same address. */
struct run {
	const struct trap_record *first;
	uint64_t count;
};

/* Finds the last runs, the newest first. A few records may be missing, because a reset loses the contents of the caches. */
static unsigned last_runs(const struct last *l, uint32_t cpu, struct run *run)
{
	unsigned n = 0, missing = 0;

	for (uint64_t seq = newest(l, cpu); seq && missing < TRAPS_SHOWN; seq--) {
		const struct trap_record *r = record_at(l, cpu, seq);
		bool more = n && r && chain_is_same(run[n - 1].first, r);

		missing += !r;
		if (!r)
			continue;
		if (!more && n == TRAPS_SHOWN)
			break;
		if (!more)
			run[n++].count = 0;
		run[n - 1].first = r;
		run[n - 1].count++;
	}
	return n;
}

static void add_traps(struct text *t, const struct last *l, uint32_t cpu)
{
	static struct run run[TRAPS_SHOWN];
	unsigned n = last_runs(l, cpu, run);

	add_reserve(t, l, cpu, n ? run[n - 1].first->seq : UINT64_MAX);
	while (n--) {
		add_trap(t, l, run[n].first);
		if (run[n].count > 1)
			text_add(t, "last|   the same again, %lu times in a row\n", run[n].count);
	}
}

/* The CPU whose exits are printed. */
struct exit_teller {
	struct text *t;
	const struct last *l;
	uint32_t cpu;
};

static void add_exit(void *context, const struct fold_line *line)
{
	const struct exit_teller *of = context;

	text_add(of->t, "last| cpu=%u ", of->cpu);
	report_exit_line(of->t, line, &of->l->clock);
	text_add(of->t, "\n");
}

/* The TSCs of the entries show which one is the last. */
static void add_exits(struct text *t, const struct last *l, uint32_t cpu)
{
	const struct exit_entry *entries = exits_of(l, cpu);
	struct exit_teller of = {t, l, cpu};
	struct fold_list list = {entries, 0, l->box->history_entries};

	for (uint32_t i = 1; i < list.count; i++)
		if (exit_entry_tsc(&entries[i]) > exit_entry_tsc(&entries[list.start]))
			list.start = i;
	list.start++;
	fold_walk(&list, add_exit, &of);
}

static const struct last *recalled;

static bool believes(const struct trap_record *r)
{
	return r->cpu < recalled->box->cpus && r->vector < VECTOR_COUNT && believable(r, r->cpu);
}

/* The top of the stack, if it was stored. The callers cannot be found, because that needs the code, which is gone. */
static void add_stack(struct text *t, const struct reserve *reserve, const struct trap_record *r)
{
	const struct saved_stack *stack = sites_stack(&reserve->sites, r);
	unsigned size = stack_word(r), line = STACK_WORDS_A_LINE * size;

	for (unsigned at = 0; stack && at + line <= stack->bytes && at < STACK_LINES * line; at += line) {
		text_add(t, "last|   ");
		stack_format(t, stack->linear + at, stack->at + at, STACK_WORDS_A_LINE, size);
		text_add(t, "\n");
	}
}

/* A run without an end: the probable cause. */
static void add_verdict(struct text *t, const struct last *l)
{
	static const struct reserve *reserves[BLACKBOX_MAX_CPUS];
	static const struct trap_record *ring[BLACKBOX_MAX_CPUS];
	static struct trap_record r;
	const struct verdict_source s = {
		.cpus = l->box->cpus,
		.reserve = reserves,
		.ring = ring,
		.records = l->box->ring_records + blackbox_beside(l->box->ring_records),
		.believes = believes,
		.second = l->box->tsc_khz * 1000,
	};
	uint64_t since;

	for (uint32_t n = 0; n < l->box->cpus; n++) {
		reserves[n] = reserve_of(l, n);
		ring[n] = ring_of(l, n);
	}
	recalled = l;
	since = verdict_started(&s);
	if (!verdict_find(&s, since == UINT64_MAX ? 0 : since, UINT64_MAX, &r))
		return;
	text_add(t, "last| trapline: verdict \"");
	verdict_add(t, &r);
	text_add(t, "; the run ended without a word\"\n");
	add_trap(t, l, &r);
	add_stack(t, reserves[r.cpu], &r);
}

static uint64_t tail_of(const struct blackbox_header *h)
{
	uint64_t head = h->text_head, tail = head > TEXT_TAIL ? head - TEXT_TAIL : 0;

	return h->end.report && h->end.report < tail && tail - h->end.report < STORY_TAIL ? h->end.report
											  : tail;
}

/* TSC of the newest record of a CPU. */
static uint64_t recorded_last(const void *context, uint32_t cpu)
{
	const struct last *l = context;
	const struct trap_record *r = record_at(l, cpu, newest(l, cpu));

	return r ? r->tsc : 0;
}

/* Each record and each exit is checked by itself. */
static void add_rings(struct text *t, const struct last *l)
{
	uint32_t all = l->box->cpus, shown = 0;
	struct cpu_set newest;

	if (l->box->record_version != TRAP_RECORD_VERSION || !all)
		return;
	newest = cpu_list_newest(all, 0, recorded_last, l);
	for_each_in_set(n, &newest)
	{
		add_traps(t, l, n);
		add_exits(t, l, n);
		shown++;
	}
	if (shown < all)
		text_add(t, "last| %u more CPUs, which recorded nothing newer, are left out\n", all - shown);
}

static void add_tail(struct text *t, const struct last *l)
{
	if (l->sealed && !l->box->end.failure)
		return;
	if (!l->sealed && l->box->record_version == TRAP_RECORD_VERSION)
		add_verdict(t, l);
	add_text(t, l, l->sealed ? l->box->end.report : tail_of(l->box));
	if (!l->sealed || has_gone_on(l->box))
		add_rings(t, l);
	text_add(t, "trapline: end of last run\n");
}

void blackbox_recall(const struct boot_info *info)
{
	struct text t = text_on((char *)info->last_text, info->last_text_size);
	struct last l;

	if (!info->last_base || !info->last_text)
		return;
	l = read_last(info);
	add_heading(&t, &l);
	add_tail(&t, &l);
	memcpy(last_text, t.at, t.length < sizeof(last_text) ? t.length : sizeof(last_text) - 1);
}

const char *blackbox_last(void)
{
	return last_text;
}
