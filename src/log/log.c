// SPDX-License-Identifier: MIT
#include "log/log.h"
#include "log/screen.h"
#include "log/turn.h"
#include "log/uart.h"
#include "cpu/moment.h"
#include "hw/asm.h"
#include "hw/lock.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "blackbox/blackbox.h"

#define TEXT_SIZE (32 * 1024) /* a power of two */
/* milliseconds for one FIFO: longer than 16 characters take at any speed above 2000 baud */
#define FINISH_WAITS 100
#define LOCK_TRIES   200 /* some microseconds: an access to a UART's register takes one */

static char text[TEXT_SIZE];
static uint32_t text_head, text_tail; /* protected by `lock` */
static _Atomic uint64_t lost_lines;
static struct lock lock = LOCK_FREE;
static bool seized;
static bool stuck, never_idle;       /* state of the UART when it was last waited for */
static uint64_t unsent, unsent_said; /* bytes that were dropped */
static struct trap_clock clock;
static const struct log_way uart = {.put = uart_put, .idle = uart_idle}, *way = &uart;
static void (*reply_to)(const char *line); /* NULL: to the text buffer here */

enum log_level log_level = LOG_TRAPS;

const struct trap_clock *log_clock(void)
{
	return &clock;
}

bool log_try_lock(void)
{
	return seized || lock_try(&lock);
}

void log_lock(void)
{
	while (!log_try_lock())
		moment();
}

void log_unlock(void)
{
	lock_give(&lock);
}

/* Notices are rare, so they may wait while another CPU takes one turn of console work. */
static bool lock_soon(void)
{
	for (unsigned i = 0; i < LOCK_TRIES; i++) {
		if (log_try_lock())
			return true;
		cpu_pause();
	}
	return false;
}

#define LINE_BYTES 200 /* of a trap */
#define BAUD_BYTE  10  /* with start and stop bit */
#define BURST_MIN  16

struct log_limits log_limits = {.most = PRINT_QUEUE};
struct log_full log_full;
static uint32_t baud; /* 0: no UART */

uint32_t log_burst(void)
{
	uint32_t lines = baud / BAUD_BYTE / LINE_BYTES;

	return lines < BURST_MIN ? BURST_MIN : lines > PRINT_QUEUE ? PRINT_QUEUE : lines;
}

bool log_init(void)
{
	clock.tsc_start = boot_info.tsc_start;
	clock.tsc_khz = (uint32_t)boot_info.tsc_khz;
	baud = boot_info.console.base ? uart_init(&boot_info.console, boot_info.config.baud) : 0;
	/* an eighth of the time in which the FIFO empties */
	log_full.ticks = baud ? boot_info.tsc_khz * 1000 * UART_FIFO * BAUD_BYTE / 8 / baud : 0;
	return baud;
}

bool log_there(void)
{
	return baud;
}

uint32_t log_room(void)
{
	return TEXT_SIZE - (text_head - text_tail);
}

bool log_waits(void)
{
	return text_head != text_tail;
}

void log_lose_line(void)
{
	lost_lines++;
}

uint64_t log_lost(void)
{
	return lost_lines;
}

static void put(const char *bytes, size_t n)
{
	uint32_t at = text_head % TEXT_SIZE;
	size_t first = n < TEXT_SIZE - at ? n : TEXT_SIZE - at;

	memcpy(text + at, bytes, first);
	memcpy(text, bytes + first, n - first);
	text_head += (uint32_t)n;
}

/* Each newline becomes CR LF, because terminals need both. */
static void put_line(const char *line)
{
	const char *from = line;

	for (; *line; line++)
		if (*line == '\n') {
			put(from, (size_t)(line - from));
			put("\r", 1);
			from = line;
		}
	put(from, (size_t)(line - from));
	put("\r\n", 2);
}

void log_put(const char *bytes, size_t n)
{
	if (log_room() >= n)
		put(bytes, n);
}

/* Whether a byte of the word is a newline. */
static bool word_has_newline(uint64_t word)
{
	uint64_t x = word ^ 0x0a0a0a0a0a0a0a0a;

	return (x - 0x0101010101010101) & ~x & 0x8080808080808080;
}

static bool is_one_line(const char *line, size_t n)
{
	uint64_t word;

	for (; n >= sizeof(word); line += sizeof(word), n -= sizeof(word)) {
		__builtin_memcpy(&word, line, sizeof(word));
		if (word_has_newline(word))
			return false;
	}
	while (n--)
		if (*line++ == '\n')
			return false;
	return true;
}

/* Of n bytes. A line of an answer is nearly always one. */
static void put_answer(const char *line, size_t n)
{
	if (log_room() < 2 * n + 2) {
		lost_lines++;
	} else if (is_one_line(line, n)) {
		put(line, n);
		put("\r\n", 2);
	} else {
		put_line(line);
	}
}

void log_put_line(const char *line)
{
	put_answer(line, strlen(line));
}

/* Into the black box, and ready for the console, if there is room. */
static bool begin_line(const char *line, size_t n)
{
	blackbox_add_line(line, n);
	if (log_room() < 2 * n + 2) {
		lost_lines++;
		return false;
	}
	turn_hide_prompt();
	return true;
}

bool log_add_line(const char *line)
{
	if (!begin_line(line, strlen(line)))
		return false;
	put_line(line);
	return true;
}

bool log_add_one_line(const char *line, size_t n)
{
	if (!begin_line(line, n))
		return false;
	put(line, n);
	put("\r\n", 2);
	return true;
}

void log_send_by(const struct log_way *w)
{
	way = w ? w : &uart;
}

/* Feeds the FIFO once. Returns false when it took nothing. */
__attribute__((always_inline)) static inline bool feed(void)
{
	uint32_t at = text_tail % TEXT_SIZE, n = text_head - text_tail;

	if (at + n > TEXT_SIZE)
		n = TEXT_SIZE - at;
	n = (uint32_t)way->put(text + at, n);
	text_tail += n;
	return n != 0;
}

/* Feeds the FIFO, or notes that it was full. */
static inline void feed_or_note(void)
{
	if (!baud)
		text_tail = text_head;
	else if (feed())
		atomic_store_explicit(&log_full.at, 0, memory_order_relaxed);
	else
		atomic_store_explicit(&log_full.at, rdtsc(), memory_order_relaxed);
}

bool log_feed(void)
{
	if (!log_waits())
		return false;
	feed_or_note();
	return true;
}

bool log_try_feed(uint64_t *at)
{
	if (!log_waits() || way != &uart || !log_try_lock())
		return false;
	*at = rdtsc();
	feed_or_note();
	log_unlock();
	return true;
}

/* If the guest sets its TSC back, the time counts as passed. */
static bool passed(uint64_t since, uint64_t ticks)
{
	return rdtsc() - since >= ticks;
}

/* A UART that takes nothing, because its far end is not ready, must not delay a reset or power-off: it is not waited for again. */
static void give_up(void)
{
	if (!stuck)
		blackbox_line(
			"trapline: the console's UART accepts no more text: lines from here on are only in "
			"the black box");
	stuck = true;
	unsent += text_head - text_tail;
	text_tail = text_head;
}

/* Whether bytes have gone out of what the way took before. */
static bool moves(void)
{
	static uint64_t before;
	uint64_t now = way->sent ? way->sent() : 0, last = before;

	before = now;
	return now != last;
}

/* The contents of the FIFO would be lost if the machine goes down next. */
static void wait_for_idle(uint64_t since)
{
	bool idle;

	while (!(idle = way->idle()) && !never_idle && !passed(since, boot_info.tsc_khz * FINISH_WAITS)) {
		moment();
		if (moves())
			since = rdtsc();
	}
	never_idle = !idle;
}

void log_drain(void)
{
	uint64_t since = rdtsc();

	if (!baud)
		text_tail = text_head;
	while (text_head != text_tail) {
		bool took = feed();

		if (moves() || took) {
			since = rdtsc();
			stuck = false;
		} else if (stuck || passed(since, boot_info.tsc_khz * FINISH_WAITS)) {
			give_up();
		} else {
			moment();
		}
	}
	if (baud && !stuck)
		wait_for_idle(since);
}

static void (*rest)(void);

void log_set_rest(void (*r)(void))
{
	rest = r;
}

void log_rest(void)
{
	if (rest)
		rest();
}

void log_reply_to(void (*line)(const char *line))
{
	reply_to = line;
}

void log_reply(const char *fmt, ...)
{
	char line[LOG_LINE_SIZE];
	int n;
	va_list ap;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (reply_to) {
		reply_to(line);
	} else {
		log_lock();
		put_answer(line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
		log_unlock();
	}
	log_rest();
}

void log_add_notice(const char *notice)
{
	if (log_level < LOG_NOTICES)
		blackbox_line(notice);
	else
		log_add_line(notice);
}

void log_line(const char *fmt, ...)
{
	char line[LOG_NOTICE_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (!lock_soon()) {
		lost_lines++;
		return;
	}
	if (!turn_add_notice(line))
		log_add_notice(line);
	log_unlock();
	cpu_add_work(this_cpu(), CPU_WORK_CONSOLE);
}

/* The UART takes bytes again: print how many were dropped. */
static void say_unsent(void)
{
	char line[96];

	if (stuck || unsent == unsent_said)
		return;
	snprintf(line, sizeof(line), "trapline: lost bytes=%lu total=%lu why=\"the UART took nothing\"",
		unsent - unsent_said, unsent);
	unsent_said = unsent;
	log_add_line(line);
}

static struct {
	bool on;
	unsigned room, left_out; /* lines */
} bound;                         /* of one report at a time */

void log_bound(unsigned lines)
{
	bound.on = blackbox_is_there();
	bound.room = lines;
	bound.left_out = 0;
}

unsigned log_unbound(void)
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

/* Called with the lock held. */
static void print_line(const char *line)
{
	if (is_left_out()) {
		blackbox_line(line);
		return;
	}
	if (!seized)
		turn_finish_line();
	log_drain();
	say_unsent();
	log_add_line(line);
	screen_line(line);
	log_drain();
}

void log_print(const char *fmt, ...)
{
	static char line[8192];
	va_list ap;

	log_lock();
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	print_line(line);
	log_unlock();
}

void log_seize(void)
{
	bound.on = false;
	way = &uart;
	seized = true;
}

bool log_is_seized(void)
{
	return seized;
}
