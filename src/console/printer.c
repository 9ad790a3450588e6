// SPDX-License-Identifier: MIT
#include "console/printer.h"
#include "log/log.h"
#include "hw/asm.h"
#include "exit/record.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "trace/important.h"
#include "trace/vector.h"

#define FINISH_LOSSES 64
#define SAY_LOST_MS   1000 /* interval between two lines about losses */
#define LOOK_LOST_MS  100  /* and between two looks for them */
_Static_assert(FILTER_CPU_LAST == BOOT_MAX_CPUS - 1, "every CPU can be named");

#define PASS_OVER    4   /* records that one turn may skip */
#define SEARCH_STEPS 16  /* queues and overwritten records that one turn looks at */
#define PART_BYTES   208 /* of a line that one turn writes */
#define PARTS_MOST   16  /* turns that a line may take */
#define SUM_STEPS    128 /* CPUs whose counts one turn adds up */
#define MEND_MS      500 /* time for a handler to map a page, on a slow machine */
#define MEND_RECORDS 64  /* records of the same CPU after which its handler has had enough time */

static uint64_t lost_said;
/* under the log's lock; its vectors, and important, are in boot_info.config.print */
static struct filter filter;
static struct filter_rate rates[PRINT_KINDS];
static uint64_t limited[PRINT_KINDS], filtered; /* records; not yet said of the former: */
static uint64_t limited_said[PRINT_KINDS];
static uint64_t all_limited; /* their sum, which each poll of the console needs */
static unsigned saying;      /* the next kind of the lines about losses; 0: none is under way */
static uint64_t last_losses, last_look;
static bool losses; /* there are some to say */
static bool finishing;

/* If the guest sets its TSC back, the time counts as passed. */
static bool passed(uint64_t since, uint64_t ticks)
{
	return rdtsc() - since >= ticks;
}

/* Applies trapline.conf's words on top of its `print`. */
const char *printer_init(const char **bad)
{
	static char words[CONFIG_TEXT_MAX];

	memcpy(words, boot_info.config.filter, sizeof(words));
	filter_init(&filter, boot_info.config.print.vectors);
	filter.important = boot_info.config.print.important;
	return console_set_filter(words, bad);
}

/* Removes the entry at a queue's tail. */
static void take(struct print_queue *q, uint32_t tail)
{
	atomic_fetch_add(&q->taken[q->entry[tail % PRINT_QUEUE] >> PRINT_SEQ_BITS], 1);
	atomic_store(&q->tail, tail + 1);
}

static bool entry_record(const struct cpu *cpu, uint32_t tail, struct trap_record *r)
{
	uint64_t seq = cpu->print.entry[tail % PRINT_QUEUE] & ((1ull << PRINT_SEQ_BITS) - 1);

	return ring_at(cpu->writing, seq, r) || ring_at(&cpu->ring, seq, r);
}

/* Whether a handler may mend the fault, so that it is not printed yet. */
static bool is_in_doubt(const struct trap_record *r)
{
	return boot_info.config.print.important && trap_may_be_mended(r);
}

static bool is_page_there(const struct trap_record *r)
{
	struct guest_paging paging = guest_paging_of(r);
	uint64_t physical;

	return guest_translate(&paging, r->cr2, &physical);
}

/* Whether to wait for the handler: not if its CPU has taken other exceptions, or the time is over. */
static bool has_to_wait(const struct trap_record *r)
{
	const struct trace_ring *ring = cpus[r->cpu]->writing;

	return !finishing && is_in_doubt(r) && !passed(r->tsc, boot_info.tsc_khz * MEND_MS) &&
	       atomic_load(&ring->head) - r->seq < MEND_RECORDS && !is_page_there(r);
}

/* The search for the oldest waiting record. It may take several turns. */
static struct {
	uint32_t cpu;                          /* the next one to look at */
	struct cpu *from;                      /* the CPU whose record is the oldest so far */
	struct trap_record record[2], *oldest; /* that record, and room for another */
} search;

/* Looks at a CPU's queue. Returns false if the turn has done enough. */
static bool search_queue(struct cpu *c, unsigned *steps)
{
	struct print_queue *q = &c->print;
	struct trap_record *r = &search.record[search.oldest == &search.record[0]];
	uint32_t tail = atomic_load(&q->tail);

	for (; tail != atomic_load(&q->head); take(q, tail++)) {
		if (!(*steps)--)
			return false;
		if (entry_record(c, tail, r)) {
			if (!search.from || r->tsc < search.oldest->tsc) {
				search.oldest = r;
				search.from = c;
			}
			break;
		}
		log_lose_line(); /* overwritten before it was printed */
	}
	return true;
}

/* Returns false if the turn has done enough. */
static bool search_queues(void)
{
	unsigned steps = SEARCH_STEPS;

	for (; search.cpu < boot_info.cpus; search.cpu++)
		if (!steps-- || (cpus[search.cpu] && !search_queue(cpus[search.cpu], &steps)))
			return false;
	search.cpu = 0;
	return true;
}

/*
 * The oldest waiting record by TSC, until the next search; NULL if there is none, or it has to wait longer, or the search goes on.
 */
static const struct trap_record *next_trap(bool *waits)
{
	struct cpu *from;

	*waits = true;
	if (!search_queues())
		return NULL;
	from = search.from;
	search.from = NULL;
	*waits = from && has_to_wait(search.oldest);
	if (!from || *waits)
		return NULL;
	take(&from->print, atomic_load(&from->print.tail));
	return search.oldest;
}

/* Whether the handler has mapped the page, so that the fault was harmless. */
static bool is_mended(const struct trap_record *r)
{
	if (!is_in_doubt(r) || !is_page_there(r))
		return false;
	sites_mend(&cpus[r->cpu]->reserve->sites, r);
	return true;
}

static bool take_share(unsigned kind)
{
	return filter_allow(&rates[kind], filter.rate, log_burst(), rdtsc(), boot_info.tsc_khz * 1000);
}

/* With other conditions not every record of the kind would be printed, so none may be counted by its kind alone. */
static void set_quiet(unsigned kind)
{
	if (filter_is_plain(&filter))
		atomic_store(&log_limits.quiet[kind],
			filter_next(&rates[kind], filter.rate, boot_info.tsc_khz * 1000));
}

/* The first record of an important site takes a share of its own, if its vector has none left. */
static bool is_new_site(const struct trap_record *r)
{
	if (r->type != TRAP_TYPE_EXCEPTION || !trap_is_important(r) ||
		!sites_is_first(&cpus[r->cpu]->reserve->sites, r))
		return false;
	if (take_share(PRINT_NEW_SITE))
		return true;
	set_quiet(PRINT_NEW_SITE);
	return false;
}

/* Whether the operator gets to see the record. Others are counted, by reason. */
static bool is_shown(const struct trap_record *r)
{
	unsigned kind = print_kind(r);
	struct filter all = filter;

	all.vectors = ~0u; /* other vectors are not queued at all */
	all.important = false;
	if (is_mended(r) || log_level < LOG_TRAPS || !filter_match(&all, r)) {
		filtered++;
		return false;
	}
	if (take_share(kind))
		return true;
	set_quiet(kind);
	if (is_new_site(r))
		return true;
	limited[kind]++;
	all_limited++;
	return false;
}

/* The next record to print. A turn is short: it stops after a while, and sets *more. */
static const struct trap_record *next_shown(bool *more)
{
	for (unsigned i = 0; i < PASS_OVER; i++) {
		const struct trap_record *r = next_trap(more);

		if (!r)
			return NULL;
		*more = true;
		if (is_shown(r))
			return r;
	}
	return NULL;
}

/* Adds up a count of all CPUs, some of them in each turn. False: the turn has done enough. */
struct cpu_sum {
	uint32_t next; /* CPU */
	uint64_t n;
};

typedef uint64_t cpu_count(const struct cpu *cpu, unsigned kind);

static bool sum_some(struct cpu_sum *s, cpu_count *count, unsigned kind, unsigned *steps)
{
	if (!s->next)
		s->n = 0;
	for (; s->next < boot_info.cpus; s->next++) {
		if (!*steps)
			return false;
		--*steps;
		s->n += cpus[s->next] ? count(cpus[s->next], kind) : 0;
	}
	s->next = 0;
	return true;
}

static uint64_t sum_all(cpu_count *count, unsigned kind)
{
	struct cpu_sum s = {0};
	unsigned steps;

	do {
		if (!finishing)     /* then the log's lock is held */
			log_rest(); /* only a command has a rest */
		steps = SUM_STEPS;
	} while (!sum_some(&s, count, kind, &steps));
	return s.n;
}

static uint64_t cpu_limited(const struct cpu *cpu, unsigned kind)
{
	return cpu->print.limited[kind];
}

static uint64_t cpu_all_limited(const struct cpu *cpu, unsigned kind)
{
	return cpu->print.all_limited;
}

static uint64_t cpu_lost(const struct cpu *cpu, unsigned kind)
{
	return cpu->print.lost;
}

static uint64_t cpu_not_printed(const struct cpu *cpu, unsigned kind)
{
	return cpu->print.lost + cpu->print.all_limited;
}

/* As far as the last sum goes: with hundreds of CPUs it takes several polls. */
static uint64_t all_lost(void)
{
	static struct cpu_sum sum;
	static uint64_t of_cpus;
	unsigned steps = SUM_STEPS;

	if (finishing)
		of_cpus = sum_all(cpu_not_printed, 0);
	else if (sum_some(&sum, cpu_not_printed, 0, &steps))
		of_cpus = sum.n;
	return of_cpus + log_lost() + all_limited;
}

static const char *kind_name(unsigned kind)
{
	if (kind < VECTOR_COUNT)
		return vector_name(kind);
	return kind == PRINT_MARK ? "mark" : "watch";
}

/*
 * Writes which kind was limited, and how many lines. Each kind once: a flood goes on meanwhile. An empty line: the turn has done enough. False: there
 * are no more kinds.
 */
static bool format_limited(char *line, size_t size)
{
	static struct cpu_sum sum;
	unsigned steps = SUM_STEPS;

	*line = '\0';
	for (; saying < PRINT_KINDS; saying++) {
		unsigned v = saying;
		uint64_t total;

		if (!sum_some(&sum, cpu_limited, v, &steps))
			return true;
		total = limited[v] + sum.n;
		if (total == limited_said[v])
			continue;
		saying++;
		snprintf(line, size, "trapline: limited name=%s lines=%lu total=%lu rate=%u", kind_name(v),
			total - limited_said[v], total, filter.rate);
		limited_said[v] = total;
		return true;
	}
	return false;
}

/*
 * Losses are printed once in a while, because in a flood these lines would be a flood, too. Nor are they looked for at each poll, because
 * that takes memory from every CPU, which these CPUs write.
 */
bool printer_losses_due(void)
{
	if (!losses && (finishing || passed(last_look, boot_info.tsc_khz * LOOK_LOST_MS))) {
		last_look = rdtsc();
		losses = all_lost() != lost_said &&
			 (finishing || passed(last_losses, boot_info.tsc_khz * SAY_LOST_MS));
	}
	return losses;
}

/* Writes the losses, by the rate and in all; an empty line: the next turn goes on. */
static bool format_losses(char *line, size_t size)
{
	uint64_t lost;

	if (!saying && !printer_losses_due())
		return false;
	if (format_limited(line, size))
		return true;
	saying = 0;
	lost = all_lost();
	snprintf(line, size, "trapline: lost lines=%lu total=%lu", lost - lost_said, lost);
	lost_said = lost;
	last_losses = rdtsc();
	losses = false;
	return true;
}

void console_count(struct console_losses *l)
{
	*l = (struct console_losses){.filtered = filtered,
		.limited = all_limited + sum_all(cpu_all_limited, 0),
		.lost = log_lost() + sum_all(cpu_lost, 0)};
}

/* The line that is being written. */
static struct {
	bool open;
	struct trap_formatter f;
	char text[LOG_LINE_SIZE];
	char notice[LOG_NOTICE_SIZE]; /* comes after it; empty: none */
} line;

static bool begin_line(void)
{
	bool more = false;
	const struct trap_record *r = next_shown(&more);

	if (!r) /* the rate may have excluded all of the last records */
		return more || (finishing && printer_losses_due());
	trap_format_begin(&line.f, line.text, sizeof(line.text), r, log_clock());
	line.open = true;
	return true;
}

static bool go_on_with_line(void)
{
	bool added;

	if (trap_format_more(&line.f, PART_BYTES))
		return true;
	line.open = false;
	added = log_add_one_line(line.text, line.f.line.length);
	if (line.notice[0])
		log_add_notice(line.notice); /* counts it if there is no room */
	line.notice[0] = '\0';
	return added;
}

void printer_finish_line(void)
{
	while (line.open)
		go_on_with_line();
}

bool printer_add_notice(const char *notice)
{
	if (line.open && line.notice[0])
		printer_finish_line();
	if (!line.open)
		return false;
	memcpy(line.notice, notice, strlen(notice) + 1);
	return true;
}

bool printer_go_on(void)
{
	return line.open && log_room() > 2 * LOG_LINE_SIZE && go_on_with_line();
}

bool printer_turn(void)
{
	if (log_room() <= 2 * LOG_LINE_SIZE)
		return false;
	if (line.open)
		return go_on_with_line();
	if (format_losses(line.text, sizeof(line.text)))
		return !line.text[0] || log_add_line(line.text);
	return begin_line();
}

/* The CPUs count by the new filter. */
static void set_limits(void)
{
	atomic_store(&log_limits.most, filter.rate && filter_is_plain(&filter) ? log_burst() : PRINT_QUEUE);
	for (unsigned v = 0; v < PRINT_KINDS; v++)
		atomic_store(&log_limits.quiet[v], 0);
}

const char *console_set_filter(char *words, const char **bad)
{
	struct filter f;
	const char *why;

	console_get_filter(&f);
	why = filter_parse(&f, words, bad);
	if (why)
		return why;
	log_lock();
	filter = f;
	set_limits();
	boot_info.config.print = (struct config_printed){.vectors = f.vectors, .important = f.important};
	record_note_all();
	log_unlock();
	return NULL;
}

void console_get_filter(struct filter *f)
{
	*f = filter;
	f->vectors = boot_info.config.print.vectors; /* VMCALL changes these as well */
	f->important = boot_info.config.print.important;
}

uint64_t printer_waiting(void)
{
	uint64_t n = line.open; /* no longer in its queue */

	for_each_cpu (c)
		n += atomic_load(&c->print.head) - atomic_load(&c->print.tail);
	return n;
}

/* Records that other CPUs add meanwhile are not printed, because there may be no end to them. Losses get lines of their own. */
void printer_finish(void)
{
	uint64_t left;

	log_lock();
	finishing = true;
	left = log_there() ? PARTS_MOST * (printer_waiting() + boot_info.cpus / SEARCH_STEPS + FINISH_LOSSES)
			   : 0;
	do
		log_drain();
	while (left-- && printer_turn());
	finishing = false;
	log_unlock();
}
