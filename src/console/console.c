#include "console/console.h"
#include "apic/apic.h"
#include "console/input.h"
#include "log/screen.h"
#include "log/uart.h"
#include "hw/asm.h"
#include "cpu/moment.h"
#include "exit/exception.h"
#include "hw/lock.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "blackbox/blackbox.h"
#include "trace/important.h"
#include "trace/vector.h"
#include "vendor.h"

#define TEXT_SIZE     (32 * 1024) /* a power of two */
#define LINE_SIZE     (TRAP_LINE_MAX + 2)
#define FINISH_LOSSES 64
#define FINISH_WAITS                                                                                         \
	100 /* milliseconds for one FIFO: longer than 16 characters take at any speed above 2000 baud */

static char text[TEXT_SIZE];
static uint32_t text_head, text_tail; /* under `lock` */
static _Atomic uint64_t lost_lines;
static uint64_t lost_said;
static struct filter filter; /* under `lock`; its vectors, and important, are in boot_info.config.print */
static struct filter_rate rates[CPU_PRINT_KINDS];
static uint64_t limited[CPU_PRINT_KINDS], filtered; /* records; not yet said of the former: */
static uint64_t limited_said[CPU_PRINT_KINDS];
static uint64_t all_limited, all_limited_said; /* the sums, which every look at the console asks for */
static struct lock lock = LOCK_FREE;
static bool there, seized, finishing;
static bool stuck, never_idle;       /* the UART, when it was waited for last */
static uint64_t unsent, unsent_said; /* bytes that were given up */
static struct trap_clock clock;

#define LOOK_MS      1    /* the FIFO's 16 bytes at 115200 baud take 1.4 ms */
#define LATE_MS      200  /* after which another CPU takes over: longer than VT-x's timer needs */
#define KEYS_MS      1000 /* how long who has seen a key looks for the next */
#define SAY_LOST_MS  1000 /* how often losses are told */
#define LOCK_TRIES   200  /* some microseconds: a UART's register takes one */
#define PASS_OVER    64   /* records that are dropped in one turn */
#define MEND_MS      500  /* how long a handler may take to map a page, on a slow machine */
#define MEND_RECORDS 64   /* of the same CPU, after which it has had its chance */

enum console_level console_level = CONSOLE_TRAPS;
uint64_t console_looked;
static bool input_on;
static uint64_t last_turn, last_key, last_losses;
static uint32_t last_reader;               /* CPU that took the last key */
static void (*reply_to)(const char *line); /* NULL: the text here */

const struct trap_clock *console_clock(void)
{
	return &clock;
}

/* Nobody waits for it: a CPU that does not get it does its console work at another exit. */
static bool try_lock(void)
{
	return seized || lock_try(&lock);
}

/* Notices are rare, and worth the time of a turn of another CPU's. */
static bool lock_soon(void)
{
	for (unsigned i = 0; i < LOCK_TRIES; i++) {
		if (try_lock())
			return true;
		cpu_pause();
	}
	return false;
}

static void unlock(void)
{
	lock_give(&lock);
}

/* trapline.conf's words, on top of its `print`. */
static const char *init_filter(const char **bad)
{
	static char words[CONFIG_TEXT_MAX];

	memcpy(words, boot_info.config.filter, sizeof(words));
	filter_init(&filter, boot_info.config.print.vectors);
	filter.important = boot_info.config.print.important;
	return console_set_filter(words, bad);
}

/* A guest that sets its TSC back makes it pass at once. */
static bool passed(uint64_t since, uint64_t ticks)
{
	return rdtsc() - since >= ticks;
}

/* More keys come soon behind one. */
static bool has_the_keys(const struct cpu *cpu)
{
	return last_reader == cpu->number && !passed(last_key, boot_info.tsc_khz * KEYS_MS);
}

bool console_attends(const struct cpu *cpu)
{
	return input_on && (!cpu->number || has_the_keys(cpu));
}

/* The boot CPU looks. Others do when it has not for a while: it may have died, with its interrupts off. */
static void set_pace(struct cpu *cpu)
{
	cpu->look_ticks = boot_info.tsc_khz * (console_attends(cpu) ? LOOK_MS : LATE_MS);
}

void console_init(void)
{
	const char *why, *bad;

	clock.tsc_start = boot_info.tsc_start;
	clock.tsc_khz = (uint32_t)boot_info.tsc_khz;
	there = boot_info.console.base && uart_init(&boot_info.console, boot_info.config.baud);
	input_on = there && boot_info.config.console_input;
	for_each_cpu (c)
		set_pace(c);
	if (input_on)
		cpu_add_work(cpus[0], CPU_WORK_CONSOLE); /* its first exit begins to watch interrupts */
	why = init_filter(&bad);
	if (why)
		console_print("trapline: filter in trapline.conf: \"%s\" %s; it is ignored", bad, why);
}

static uint32_t text_room(void)
{
	return TEXT_SIZE - (text_head - text_tail);
}

static void put(char c)
{
	text[text_head++ % TEXT_SIZE] = c;
}

/* Each newline becomes CR LF: terminals need both. */
static void put_line(const char *line)
{
	for (; *line; line++) {
		if (*line == '\n')
			put('\r');
		put(*line);
	}
	put('\r');
	put('\n');
}

void console_put(const char *bytes, size_t n)
{
	if (text_room() < n)
		return;
	while (n--)
		put(*bytes++);
}

void console_put_line(const char *line)
{
	if (text_room() < 2 * strlen(line) + 2)
		lost_lines++;
	else
		put_line(line);
}

/* False, and the line counted, when it does not fit. */
static bool add_line(const char *line)
{
	blackbox_line(line);
	if (text_room() < 2 * strlen(line) + 2) {
		lost_lines++;
		return false;
	}
	input_hide();
	put_line(line);
	return true;
}

/* Feeds the FIFO once. Returns false when it took nothing. */
static bool feed(void)
{
	uint32_t at = text_tail % TEXT_SIZE, n = text_head - text_tail;

	if (at + n > TEXT_SIZE)
		n = TEXT_SIZE - at;
	n = (uint32_t)uart_put(text + at, n);
	text_tail += n;
	return n != 0;
}

/* A UART that takes nothing, for want of a far end that is ready, must not hold up a reset or the power: it is not waited for again. */
static void give_up(void)
{
	if (!stuck)
		blackbox_line(
			"trapline: the console's UART takes nothing any more: what is printed from here on "
			"is only here");
	stuck = true;
	unsent += text_head - text_tail;
	text_tail = text_head;
}

/* What is still in the FIFO would be lost when the machine goes down next. */
static void wait_for_idle(uint64_t since)
{
	bool idle;

	while (!(idle = uart_idle()) && !never_idle && !passed(since, boot_info.tsc_khz * FINISH_WAITS))
		moment();
	never_idle = !idle;
}

/* Feeds until all is out, and gives up on a UART that takes nothing for a long time. */
static void drain(void)
{
	uint64_t since = rdtsc();

	if (!there)
		text_tail = text_head;
	while (text_head != text_tail) {
		if (feed()) {
			since = rdtsc();
			stuck = false;
		} else if (stuck || passed(since, boot_info.tsc_khz * FINISH_WAITS)) {
			give_up();
		} else {
			moment();
		}
	}
	if (there && !stuck)
		wait_for_idle(since);
}

/* The entry at a queue's tail has been dealt with. */
static void take(struct print_queue *q, uint32_t tail)
{
	atomic_fetch_add(&q->taken[q->entry[tail % CPU_PRINT_QUEUE] >> CPU_PRINT_SEQ_BITS], 1);
	atomic_store(&q->tail, tail + 1);
}

static bool entry_record(const struct cpu *cpu, uint32_t tail, struct trap_record *r)
{
	uint64_t seq = cpu->print.entry[tail % CPU_PRINT_QUEUE] & ((1ull << CPU_PRINT_SEQ_BITS) - 1);

	return ring_at(cpu->writing, seq, r) || ring_at(&cpu->ring, seq, r);
}

/* A fault that its handler may mend, where those are not to be seen. */
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

/* The handler gets time for it, unless its CPU has gone on to other exceptions, or no time is left. */
static bool has_to_wait(const struct trap_record *r)
{
	const struct trace_ring *ring = cpus[r->cpu]->writing;

	return !finishing && is_in_doubt(r) && !passed(r->tsc, boot_info.tsc_khz * MEND_MS) &&
	       atomic_load(&ring->head) - r->seq < MEND_RECORDS && !is_page_there(r);
}

/* Of the records that wait, the oldest by TSC; false when none does, or it has to wait on. */
static bool next_trap(struct trap_record *out, bool *waits)
{
	struct cpu *from = NULL;
	struct trap_record r;

	for_each_cpu (c) {
		struct print_queue *q = &c->print;
		uint32_t tail = atomic_load(&q->tail);

		while (tail != atomic_load(&q->head)) {
			if (entry_record(c, tail, &r)) {
				if (!from || r.tsc < out->tsc) {
					*out = r;
					from = c;
				}
				break;
			}
			lost_lines++; /* overwritten before its turn came */
			take(q, tail++);
		}
	}
	*waits = from && has_to_wait(out);
	if (!from || *waits)
		return false;
	take(&from->print, atomic_load(&from->print.tail));
	return true;
}

/* Its handler has put the page there, and that was all. */
static bool is_mended(const struct trap_record *r)
{
	if (!is_in_doubt(r) || !is_page_there(r))
		return false;
	sites_mend(&cpus[r->cpu]->kept->sites, r);
	return true;
}

/* Whether the operator is to see it. What is not shown is counted, by reason. */
static bool is_shown(const struct trap_record *r)
{
	unsigned kind = console_kind(r);
	struct filter all = filter;

	all.vectors = ~0u; /* it would not have been queued */
	all.important = false;
	if (is_mended(r) || console_level < CONSOLE_TRAPS || !filter_match(&all, r)) {
		filtered++;
		return false;
	}
	if (filter_allow(&rates[kind], filter.rate, rdtsc(), boot_info.tsc_khz * 1000))
		return true;
	limited[kind]++;
	all_limited++;
	return false;
}

/* The next record that is shown. A turn is short: it gives up after a while, and *more says so. */
static bool next_shown(struct trap_record *out, bool *more)
{
	for (unsigned i = 0; i < PASS_OVER; i++) {
		if (!next_trap(out, more))
			return false;
		*more = true;
		if (is_shown(out))
			return true;
	}
	return false;
}

static uint64_t all_lost(void)
{
	uint64_t n = lost_lines + all_limited;

	for_each_cpu (c)
		n += c->print.lost;
	return n;
}

static const char *kind_name(unsigned kind)
{
	return kind == CPU_PRINT_KINDS - 1 ? "mark" : vector_name(kind);
}

/* Which kind was held back, and how often. */
static bool format_limited(char *line, size_t size)
{
	for (unsigned v = 0; all_limited != all_limited_said && v < CPU_PRINT_KINDS; v++) {
		if (limited[v] == limited_said[v])
			continue;
		snprintf(line, size, "trapline: limited name=%s lines=%lu total=%lu rate=%u", kind_name(v),
			limited[v] - limited_said[v], limited[v], filter.rate);
		all_limited_said += limited[v] - limited_said[v];
		limited_said[v] = limited[v];
		return true;
	}
	return false;
}

/* Losses are told once in a while, or else a flood makes one of these lines too. */
static bool losses_due(void)
{
	return all_lost() != lost_said && (passed(last_losses, boot_info.tsc_khz * SAY_LOST_MS) || finishing);
}

/* What was lost, in all and by the rate. */
static bool format_losses(char *line, size_t size)
{
	uint64_t lost;

	if (!losses_due())
		return false;
	if (format_limited(line, size))
		return true;
	lost = all_lost();
	snprintf(line, size, "trapline: lost lines=%lu total=%lu", lost - lost_said, lost);
	lost_said = lost;
	last_losses = rdtsc();
	return true;
}

void console_count(struct console_losses *l)
{
	*l = (struct console_losses){.filtered = filtered, .limited = all_limited};
	l->lost = all_lost() - l->limited;
}

/* Moves one record, or the count of those that were lost, into the text. False when there was nothing to do.
 */
static bool format_next(void)
{
	static char line[LINE_SIZE];
	static struct trap_record r;
	bool more = false;

	if (text_room() <= 2 * LINE_SIZE)
		return false;
	if (format_losses(line, sizeof(line))) {
		;
	} else if (next_shown(&r, &more)) {
		trap_format(line, sizeof(line), &r, &clock);
	} else {
		/* The last ones may all have been held back by the rate. */
		return more || (finishing && losses_due());
	}
	return add_line(line) || more;
}

const char *console_set_filter(char *words, const char **bad)
{
	struct filter f;
	const char *why;

	console_get_filter(&f);
	why = filter_parse(&f, words, bad);
	if (why)
		return why;
	while (!try_lock())
		moment();
	filter = f;
	boot_info.config.print = (struct config_printed){.vectors = f.vectors, .important = f.important};
	exception_note_all();
	unlock();
	return NULL;
}

void console_get_filter(struct filter *f)
{
	*f = filter;
	f->vectors = boot_info.config.print.vectors; /* VMCALL changes them as well */
	f->important = boot_info.config.print.important;
}

/* With the lock held: what has been typed, not more often than the FIFO needs. */
static bool receive(void)
{
	if (!passed(console_looked, boot_info.tsc_khz * LOOK_MS))
		return false;
	console_looked = rdtsc();
	if (!input_on || !input_receive())
		return false;
	last_key = console_looked;
	last_reader = this_cpu()->number;
	return true;
}

static uint64_t waiting_records(void)
{
	uint64_t n = 0;

	for_each_cpu (c)
		n += atomic_load(&c->print.head) - atomic_load(&c->print.tail);
	return n;
}

/* Of a CPU that does not exit any more: whoever comes by goes on with it. Looked for as seldom as a turn is overdue. */
static bool left_behind(void)
{
	if (!passed(last_turn, boot_info.tsc_khz * LATE_MS))
		return false;
	last_turn = rdtsc();
	return text_head != text_tail || input_waits() || waiting_records();
}

static bool says_it_goes_on(void)
{
	return blackbox_goes_on() && add_line("trapline: the guest goes on: that was not its end");
}

/* A turn is worth it only where there is something to do. */
void console_look_now(struct cpu *cpu)
{
	if (!try_lock())
		return;
	if (says_it_goes_on() || receive() || losses_due() || left_behind())
		cpu_add_work(cpu, CPU_WORK_CONSOLE);
	set_pace(cpu);
	unlock();
}

bool console_wants_others(void)
{
	return there && !(vendor->has_timer && vendor->has_timer());
}

/* With the lock held. Input goes before records: the operator is served in the middle of a flood. */
static bool turn(void)
{
	last_turn = rdtsc();
	receive();
	if (!there)
		text_tail = text_head;
	if (text_head != text_tail) {
		feed();
		return true;
	}
	return input_turn() || format_next() || input_show();
}

/* Where nothing wakes Trapline on a boot CPU that has died, the next one is to come by now and then. */
static bool stands_in(const struct cpu *cpu)
{
	return cpu->number == 1 && console_wants_others();
}

/*
 * A turn is short: the guest is waiting. Interrupts are watched while something is left, so that an idle
 * guest still gives the console its turns; and where keys are looked for, unless what the CPU does at the end of
 * each interrupt exits anyway.
 */
void console_serve(struct cpu *cpu)
{
	bool busy = true;

	if (try_lock()) {
		busy = turn();
		unlock();
		busy |= input_run(cpu);
	}
	if (cpu->pass_interrupt)
		busy = true; /* the next exit watches again */
	else
		vendor->watch_interrupts(cpu,
			busy || (input_on && (!cpu->number || stands_in(cpu)) && !apic_sees_interrupts()));
	cpu->pass_interrupt = false;
	if (!cpu->number && vendor->watch_waits)
		vendor->watch_waits(cpu, there && apic_is_left());
	if (busy)
		cpu_add_work(cpu, CPU_WORK_CONSOLE);
	else
		cpu_end_work(cpu, CPU_WORK_CONSOLE);
}

void console_reply_to(void (*line)(const char *line))
{
	reply_to = line;
}

void console_reply(const char *fmt, ...)
{
	char line[LINE_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (reply_to) {
		reply_to(line);
		return;
	}
	while (!try_lock())
		moment();
	console_put_line(line);
	unlock();
}

void console_log(const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (!lock_soon()) {
		lost_lines++;
		return;
	}
	if (console_level < CONSOLE_NOTICES)
		blackbox_line(line);
	else
		add_line(line);
	unlock();
	cpu_add_work(this_cpu(), CPU_WORK_CONSOLE);
}

/* It takes bytes again. */
static void say_unsent(void)
{
	char line[96];

	if (stuck || unsent == unsent_said)
		return;
	snprintf(line, sizeof(line), "trapline: lost bytes=%lu total=%lu why=\"the UART took nothing\"",
		unsent - unsent_said, unsent);
	unsent_said = unsent;
	add_line(line);
}

static struct {
	bool on;
	unsigned room, left_out; /* lines */
} bound;                         /* of one report at a time */

void console_bound(unsigned lines)
{
	bound.on = blackbox_is_there();
	bound.room = lines;
	bound.left_out = 0;
}

unsigned console_unbound(void)
{
	bound.on = false;
	return bound.left_out;
}

static bool is_left_out(void)
{
	if (!bound.on)
		return false;
	if (!bound.room)
		return ++bound.left_out;
	bound.room--;
	return false;
}

/* With the lock held. */
static void print_line(const char *line)
{
	if (is_left_out()) {
		blackbox_line(line);
		return;
	}
	drain();
	say_unsent();
	add_line(line);
	screen_line(line);
	drain();
}

void console_print(const char *fmt, ...)
{
	static char line[8192];
	va_list ap;

	while (!try_lock())
		moment();
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	print_line(line);
	unlock();
}

/* What other CPUs add meanwhile is not waited for: there may be no end to it. Losses are told in lines of their own. */
void console_finish(void)
{
	uint64_t left;

	while (!try_lock())
		moment();
	finishing = true;
	left = there ? waiting_records() + FINISH_LOSSES : 0;
	do
		drain();
	while (left-- && format_next());
	finishing = false;
	unlock();
}

void console_seize(void)
{
	bound.on = false;
	seized = true;
}

bool console_is_seized(void)
{
	return seized;
}
