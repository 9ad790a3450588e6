/* Commands that look at what was recorded: traps, stats, exits, filter. */
#include "console/command.h"
#include "console/console.h"
#include "console/report.h"
#include "exit/dispatch.h"
#include "lib/string.h"
#include "trace/vector.h"

#define DEFAULT_COUNT 16
#define EVERY_CPU     BOOT_MAX_CPUS

/* The records that each one's `traps` has yet to show, the oldest first. */
static struct show {
	struct ring_reader reader[BOOT_MAX_CPUS];
	unsigned readers;
	uint64_t left;
} shows[COMMAND_SOURCES];

static bool next_trap_line(enum command_source source, char *text, size_t size)
{
	static struct trap_record r;
	struct show *show = &shows[source];

	if (!show->left || !ring_read_oldest(show->reader, show->readers, &r))
		return false;
	show->left--;
	trap_format(text, size, &r, console_clock());
	return true;
}

/* A reader that stands at the last n records of a CPU; how many there are. */
static uint64_t begin_at(struct ring_reader *reader, const struct trace_ring *ring, uint64_t n)
{
	uint64_t head = atomic_load(&ring->head), kept = (uint64_t)ring->mask + 1;

	if (n > kept)
		n = kept;
	if (n > head)
		n = head;
	*reader = (struct ring_reader){.ring = ring, .next = head - n + 1};
	return n;
}

/* Of several CPUs' last n records the last n of all: the oldest ones are passed over. */
static void pass_over(struct show *show, uint64_t n)
{
	static struct trap_record r;

	while (n-- && ring_read_oldest(show->reader, show->readers, &r))
		;
}

#define TRAPS_MOST 4096

/* Which place of all CPUs' kept records each one's `traps kept` looks at next. */
static uint32_t kept_next[COMMAND_SOURCES];

/* Of those that are kept beside the rings, what the rings have no more. */
static bool next_kept_line(enum command_source source, char *text, size_t size)
{
	static struct trap_record r, same;
	uint32_t *next = &kept_next[source];

	for (; *next < BOOT_MAX_CPUS * KEPT_VECTORS * KEPT_RECORDS; ++*next) {
		const struct cpu *cpu = cpus[*next / (KEPT_VECTORS * KEPT_RECORDS)];

		if (!cpu ||
			!kept_at(cpu->kept, *next / KEPT_RECORDS % KEPT_VECTORS, *next % KEPT_RECORDS, &r) ||
			ring_at(&cpu->ring, r.seq, &same))
			continue;
		++*next;
		trap_format(text, size, &r, console_clock());
		return true;
	}
	return false;
}

/* Where each one's `traps sites` stands. */
static const struct site *site_shown[COMMAND_SOURCES];

static bool next_site_line(enum command_source source, char *text, size_t size)
{
	struct text t = text_on(text, size);

	site_shown[source] = report_next_site(site_shown[source], false);
	if (site_shown[source])
		report_site_format(&t, site_shown[source], console_clock());
	return site_shown[source];
}

static const char *follow(const struct command_call *call)
{
	const char *word = call->words.count == 3 ? call->words.at[2] : "";

	if (strcmp(word, "on") && strcmp(word, "off"))
		return "traps follow on, or traps follow off";
	console_level = strcmp(word, "on") ? CONSOLE_NOTICES : CONSOLE_TRAPS;
	return NULL;
}

const char *command_traps(struct command_call *call)
{
	uint64_t n = DEFAULT_COUNT, there = 0;
	uint32_t only = EVERY_CPU;
	struct show *show = &shows[call->source];
	const char *why;

	if (call->words.count > 1 && !strcmp(call->words.at[1], "follow"))
		return follow(call);
	if (call->words.count == 2 && !strcmp(call->words.at[1], "kept")) {
		kept_next[call->source] = 0;
		call->more = next_kept_line;
		return NULL;
	}
	if (call->words.count == 2 && !strcmp(call->words.at[1], "sites")) {
		site_shown[call->source] = NULL;
		call->more = next_site_line;
		return NULL;
	}
	why = command_count_and_cpu(call, &n, &only);
	if (why)
		return why;
	if (n > TRAPS_MOST)
		n = TRAPS_MOST;
	show->readers = 0;
	for (uint32_t c = 0; c < BOOT_MAX_CPUS; c++)
		if (cpus[c] && (only == EVERY_CPU || only == c))
			there += begin_at(&show->reader[show->readers++], &cpus[c]->ring, n);
	pass_over(show, there > n ? there - n : 0);
	show->left = n;
	call->more = next_trap_line;
	return NULL;
}

const char *command_stats(struct command_call *call)
{
	for (unsigned v = 0; v < VECTOR_COUNT; v++) {
		uint64_t kernel = 0, user = 0;

		for (unsigned c = 0; c < BOOT_MAX_CPUS; c++) {
			kernel += cpus[c] ? cpus[c]->stats.vectors[v][0] : 0;
			user += cpus[c] ? cpus[c]->stats.vectors[v][1] : 0;
		}
		if (kernel || user)
			console_reply(
				"stat vec=%u name=%s kernel=%lu user=%lu", v, vector_name(v), kernel, user);
	}
	for (unsigned k = 0; k < EXIT_KIND_COUNT; k++) {
		uint64_t n = 0;

		for (unsigned c = 0; c < BOOT_MAX_CPUS; c++)
			n += cpus[c] ? cpus[c]->stats.exits[k] : 0;
		if (n)
			console_reply("stat exit=%s count=%lu", exit_kind_name(k), n);
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
		report_exit_format(&t, e, console_clock());
		console_reply("%s cpu=%u", buf, c);
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
	console_reply("filter %s", buf);
}

const char *command_filter(struct command_call *call)
{
	const char *bad, *why = NULL;

	if (call->words.count > 1)
		why = console_set_filter(call->words.rest[1], &bad);
	if (why)
		console_reply("filter word=\"%s\" why=\"%s\"", bad, why);
	reply_filter();
	return why ? "the filter stays as it was" : NULL;
}
