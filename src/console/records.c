// SPDX-License-Identifier: MIT
/* Commands that show recorded exceptions: traps, stats, exits, filter. */
#include "console/command.h"
#include "log/log.h"
#include "console/printer.h"
#include "report/report.h"
#include "exit/freeze.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "trace/vector.h"

#define DEFAULT_COUNT  16
#define FREEZE_SECONDS 60
#define EVERY_CPU      BOOT_MAX_CPUS

/* For each source: the records that its `traps` still has to show, the oldest first. */
static struct show {
	struct ring_reader reader[BOOT_MAX_CPUS];
	unsigned readers;
	uint64_t left;
	/* the most records that are read for it, because new ones may come as fast as they are read */
	uint64_t unread;
	bool filtered;
	struct filter filter;
} shows[COMMAND_SOURCES];

/* With a filter the guest's marks are left out: they are not exceptions. */
static bool is_wanted(const struct show *show, const struct trap_record *r)
{
	return !show->filtered || (r->type != TRAP_TYPE_MARK && filter_match(&show->filter, r));
}

#define REST_AFTER 256 /* parts of work, together some 3000 instructions */
#define PARTS      52  /* of a record that is compared with a filter, or the like */
#define CPU_PARTS  2   /* of a CPU whose counters are added */
#define PART_BYTES 128

static void rest_now_and_then(unsigned parts)
{
	static unsigned n;

	n += parts;
	if (n < REST_AFTER)
		return;
	n = 0;
	log_rest();
}

static void format(char *text, size_t size, const struct trap_record *r)
{
	static struct trap_formatter f;

	trap_format_begin(&f, text, size, r, log_clock());
	do
		log_rest();
	while (trap_format_more(&f, PART_BYTES));
	log_rest();
}

/* ring_read_oldest(), with many rings in parts. */
static bool read_oldest(struct show *show, struct trap_record *r)
{
	struct ring_reader *first = NULL;

	for (unsigned i = 0; i < show->readers; i++) {
		first = ring_older(first, &show->reader[i]);
		rest_now_and_then(PARTS);
	}
	return first && ring_read(first, r);
}

/* Reads the next matching record. */
static bool next_record(struct show *show, struct trap_record *r)
{
	while (show->unread && read_oldest(show, r)) {
		show->unread--;
		rest_now_and_then(PARTS);
		if (is_wanted(show, r))
			return true;
	}
	return false;
}

static bool next_trap_line(enum command_source source, char *text, size_t size)
{
	static struct trap_record r;
	struct show *show = &shows[source];

	if (!show->left || !next_record(show, &r))
		return false;
	show->left--;
	format(text, size, &r);
	return true;
}

/* Adds a reader that starts at the last n matching records of a CPU. Returns their number. */
static uint64_t begin_at(struct show *show, const struct trace_ring *ring, uint64_t n)
{
	static struct trap_record r;
	uint64_t head = atomic_load(&ring->head), kept = (uint64_t)ring->mask + 1, found = 0, seq = head;

	for (; seq && head - seq < kept && found < n; seq--) {
		found += !show->filtered || (ring_at(ring, seq, &r) && is_wanted(show, &r));
		rest_now_and_then(PARTS);
	}
	show->reader[show->readers++] = (struct ring_reader){.ring = ring, .next = seq + 1, .rest = log_rest};
	show->unread += head - seq;
	return found;
}

/* Skips the oldest records of several CPUs, so that n of all remain. */
static void pass_over(struct show *show, uint64_t n)
{
	static struct trap_record r;

	while (n-- && next_record(show, &r))
		;
}

#define TRAPS_MOST 4096

/* For each source: the entry of all CPUs' reserves at which `traps reserve` continues. */
static uint32_t reserve_next[COMMAND_SOURCES];

/* Shows records of the reserve that the rings no longer hold. */
static bool next_reserve_line(enum command_source source, char *text, size_t size)
{
	static struct trap_record r, same;
	uint32_t *next = &reserve_next[source];

	for (; *next < boot_info.cpus * RESERVE_VECTORS * RESERVE_RECORDS; ++*next) {
		const struct cpu *cpu = cpus[*next / (RESERVE_VECTORS * RESERVE_RECORDS)];

		if (!cpu ||
			!reserve_at(cpu->reserve, *next / RESERVE_RECORDS % RESERVE_VECTORS,
				*next % RESERVE_RECORDS, &r) ||
			ring_at(&cpu->ring, r.seq, &same)) {
			rest_now_and_then(PARTS);
			continue;
		}
		++*next;
		format(text, size, &r);
		return true;
	}
	return false;
}

/* For each source: the place of its `traps sites`. */
static struct {
	struct listed_site last;
	unsigned lines;
} site_shown[COMMAND_SOURCES];

/* A site is shown once, unless its CPU has replaced it and found it again meanwhile; the list ends nevertheless. */
static bool next_site_line(enum command_source source, char *text, size_t size)
{
	struct text t = text_on(text, size);
	struct listed_site *last = &site_shown[source].last;

	if (!report_next_site(last, false) || site_shown[source].lines++ == SITES_COUNT)
		return false;
	report_site_format(&t, &last->site, log_clock());
	return true;
}

static const char *follow(const struct command_call *call)
{
	const char *word = call->tokens.count == 3 ? call->tokens.at[2] : "";

	if (strcmp(word, "on") && strcmp(word, "off"))
		return command_usage;
	log_level = strcmp(word, "on") ? LOG_NOTICES : LOG_TRAPS;
	return NULL;
}

/* The arguments of `traps`. */
struct wanted {
	uint64_t count;
	uint32_t cpu;
};

static const char *parse_filter_word(struct show *show, char *word)
{
	static char why[128];
	const char *bad, *wrong;

	if (!show->filtered)
		filter_init(&show->filter, ~0u);
	show->filtered = true;
	wrong = filter_parse(&show->filter, word, &bad);
	if (!wrong)
		return NULL;
	snprintf(why, sizeof(why), "one of its words %s", wrong);
	return why;
}

/* Parses numbers, cpu N and words of the filter, in any order. */
static const char *parse_traps(const struct command_call *call, struct show *show, struct wanted *want)
{
	const struct tokens *w = &call->tokens;
	const char *why = NULL;
	uint64_t n;

	show->filtered = false;
	for (unsigned i = 1; i < w->count && !why; i++) {
		if (!strcmp(w->at[i], "cpu")) {
			if (++i == w->count || !token_number(w->at[i], &n) || n >= BOOT_MAX_CPUS || !cpus[n])
				return "there is no such CPU";
			want->cpu = (uint32_t)n;
		} else if (!token_number(w->at[i], &want->count)) {
			why = parse_filter_word(show, w->at[i]);
		} else if (!want->count) {
			why = "N is a number from 1 up";
		}
	}
	return why;
}

const char *command_traps(struct command_call *call)
{
	struct wanted want = {DEFAULT_COUNT, EVERY_CPU};
	struct show *show = &shows[call->source];
	uint64_t there = 0;
	const char *why;

	if (call->tokens.count > 1 && !strcmp(call->tokens.at[1], "follow"))
		return follow(call);
	/* "kept" is the old name of the reserve. */
	if (command_only_word(call, "reserve") || command_only_word(call, "kept")) {
		reserve_next[call->source] = 0;
		call->more = next_reserve_line;
		return NULL;
	}
	if (call->tokens.count == 2 && !strcmp(call->tokens.at[1], "sites")) {
		site_shown[call->source].last.at = 0;
		site_shown[call->source].lines = 0;
		call->more = next_site_line;
		return NULL;
	}
	why = parse_traps(call, show, &want);
	if (why)
		return why;
	if (want.count > TRAPS_MOST)
		want.count = TRAPS_MOST;
	show->readers = 0;
	show->unread = 0;
	for_each_cpu (c)
		if (want.cpu == EVERY_CPU || want.cpu == c->number)
			there += begin_at(show, &c->ring, want.count);
	pass_over(show, there > want.count ? there - want.count : 0);
	show->left = want.count;
	call->more = next_trap_line;
	return NULL;
}

const char *command_freeze(struct command_call *call)
{
	bool off = call->tokens.count == 2 && !strcmp(call->tokens.at[1], "off");
	uint64_t seconds;

	if (call->tokens.count > 2)
		return command_usage;
	if (!off && (!command_number(call, 1, FREEZE_SECONDS, &seconds) || !seconds ||
			    seconds > FREEZE_SECONDS_MAX))
		return "SECONDS is a number from 1 to 3600, or off";
	freeze_set(call->cpu, off ? 0 : seconds);
	for (; freeze_hurry(call->cpu); freeze_go_on(call->cpu))
		log_rest();
	log_reply("freeze frozen=%lu not_kept=%lu", freeze_left(), freeze_not_kept());
	return NULL;
}

/* Of all CPUs; with hundreds of them in parts. */
static void add_exceptions(unsigned vector, uint64_t *kernel, uint64_t *user)
{
	*kernel = *user = 0;
	for_each_cpu (c) {
		*kernel += cpu_exceptions(c, vector, false);
		*user += cpu_exceptions(c, vector, true);
		rest_now_and_then(CPU_PARTS);
	}
}

static uint64_t add_exits(enum exit_kind kind, uint64_t *longest)
{
	uint64_t n = *longest = 0;

	for_each_cpu (c) {
		n += c->stats.exits[kind];
		*longest = c->stats.longest[kind] > *longest ? c->stats.longest[kind] : *longest;
		rest_now_and_then(CPU_PARTS);
	}
	return n;
}

/* With the longest one, if exits of this kind are measured: exit/longest.h. */
static void reply_exits(enum exit_kind kind)
{
	uint64_t ticks, n = add_exits(kind, &ticks);

	if (!n)
		return;
	if (ticks && boot_info.tsc_khz)
		log_reply("stat exit=%s count=%lu longest_ticks=%lu longest_ns=%lu", exit_kind_name(kind), n,
			ticks, ticks * 1000 / boot_info.tsc_khz * 1000);
	else
		log_reply("stat exit=%s count=%lu", exit_kind_name(kind), n);
}

const char *command_stats(struct command_call *call)
{
	for (unsigned v = 0; v < VECTOR_COUNT; v++) {
		uint64_t kernel, user;

		add_exceptions(v, &kernel, &user);
		if (kernel || user)
			log_reply("stat vec=%u name=%s kernel=%lu user=%lu", v, vector_name(v), kernel, user);
	}
	for (unsigned k = 0; k < EXIT_KIND_COUNT; k++) {
		log_rest();
		reply_exits(k);
	}
	return NULL;
}

const char *command_exits(struct command_call *call)
{
	uint64_t n = DEFAULT_COUNT;
	uint32_t c = call->cpu->number;
	const char *why = command_count_and_cpu(call, &n, &c);
	const struct exit_history *h;

	if (why)
		return why;
	h = &cpus[c]->history;
	for (uint32_t i = n < h->count ? h->count - (uint32_t)n : 0; i < h->count; i++) {
		const struct exit_entry *e = history_at(h, i);
		char buf[200];
		struct text t = text_on(buf, sizeof(buf));

		if (!exit_entry_tsc(e))
			continue;
		report_exit_format(&t, e, log_clock());
		log_rest();
		log_reply("%s cpu=%u", buf, c);
	}
	return NULL;
}

static void reply_filter(void)
{
	char buf[256];
	struct text t = text_on(buf, sizeof(buf));
	struct filter f;

	console_get_filter(&f);
	filter_format(&t, &f);
	log_reply("filter %s", buf);
}

const char *command_filter(struct command_call *call)
{
	const char *bad, *why = NULL;

	if (call->tokens.count > 1)
		why = console_set_filter(call->tokens.rest[1], &bad);
	if (why)
		log_reply("filter word=\"%s\" why=\"%s\"", bad, why);
	reply_filter();
	return why ? "the filter is unchanged" : NULL;
}
