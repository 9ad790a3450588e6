#include "console/console.h"
#include "console/screen.h"
#include "console/uart.h"
#include "cpu/asm.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "blackbox/blackbox.h"
#include "vendor.h"

#define TEXT_SIZE    (32 * 1024) /* a power of two */
#define LINE_SIZE    (TRAP_LINE_MAX + 2)
#define FINISH_WAITS 100 /* milliseconds for one FIFO: longer than 16 characters take at any speed above 2000 baud */

static char text[TEXT_SIZE];
static uint32_t text_head, text_tail; /* under `lock` */
static uint64_t lost_lines, lost_said;
static atomic_flag lock = ATOMIC_FLAG_INIT;
static bool there, seized;
static struct trap_clock clock;

const struct trap_clock *console_clock(void)
{
	return &clock;
}

/* Nobody waits for it: a CPU that does not get it does its console work at another exit. */
static bool try_lock(void)
{
	return seized || !atomic_flag_test_and_set_explicit(&lock, memory_order_acquire);
}

static void unlock(void)
{
	atomic_flag_clear_explicit(&lock, memory_order_release);
}

void console_init(void)
{
	clock.tsc_start = boot_info.tsc_start;
	clock.tsc_khz = (uint32_t)boot_info.tsc_khz;
	there = boot_info.config.console && uart_init((uint16_t)boot_info.config.console, boot_info.config.baud);
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

/* False, and the line counted, when it does not fit. */
static bool add_line(const char *line)
{
	blackbox_line(line);
	if (text_room() < 2 * strlen(line) + 2) {
		lost_lines++;
		return false;
	}
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

/* Feeds until all is out; gives up on a UART that takes nothing for a long time. */
static void drain(void)
{
	uint64_t since = rdtsc();

	if (!there)
		text_tail = text_head;
	while (text_head != text_tail) {
		if (feed())
			since = rdtsc();
		else if (rdtsc() - since > boot_info.tsc_khz * FINISH_WAITS)
			text_tail = text_head;
	}
	/* What is still in the FIFO would be lost when the machine goes down next. */
	while (!uart_idle() && rdtsc() - since <= boot_info.tsc_khz * FINISH_WAITS)
		cpu_pause();
}

/* Of the records that wait, the oldest by TSC; false when none does. */
static bool next_trap(struct trap_record *out)
{
	struct cpu *from = NULL;
	struct trap_record r;

	for (unsigned c = 0; c < BOOT_MAX_CPUS; c++) {
		struct print_queue *q = cpus[c] ? &cpus[c]->print : NULL;
		uint32_t tail = q ? atomic_load(&q->tail) : 0;

		while (q && tail != atomic_load(&q->head)) {
			if (ring_at(&cpus[c]->ring, q->seq[tail % CPU_PRINT_QUEUE], &r)) {
				if (!from || r.tsc < out->tsc) {
					*out = r;
					from = cpus[c];
				}
				break;
			}
			lost_lines++; /* overwritten before its turn came */
			atomic_store(&q->tail, ++tail);
		}
	}
	if (from)
		atomic_fetch_add(&from->print.tail, 1);
	return from;
}

static uint64_t all_lost(void)
{
	uint64_t n = lost_lines;

	for (unsigned c = 0; c < BOOT_MAX_CPUS; c++)
		n += cpus[c] ? cpus[c]->print.lost : 0;
	return n;
}

/* Moves one record, or the count of those that were lost, into the text. False when there was nothing to do. */
static bool format_next(void)
{
	static char line[LINE_SIZE];
	static struct trap_record r;
	uint64_t lost = all_lost();

	if (lost != lost_said && text_room() > 2 * LINE_SIZE) {
		snprintf(line, sizeof(line), "trapline: lost lines=%lu total=%lu", lost - lost_said, lost);
		lost_said = lost;
	} else if (text_room() > 2 * LINE_SIZE && next_trap(&r)) {
		trap_format(line, sizeof(line), &r, &clock);
	} else {
		return false;
	}
	return add_line(line);
}

/*
 * A turn is short: the guest is waiting. Interrupts are watched only while something is left, so that an idle guest
 * still gives the console its turns.
 */
void console_serve(struct cpu *cpu)
{
	bool busy;

	if (!try_lock())
		return;
	if (!there)
		text_tail = text_head;
	if (text_head != text_tail)
		busy = feed() || true;
	else
		busy = format_next();
	unlock();
	if (!busy)
		cpu->work &= ~CPU_WORK_CONSOLE;
	vendor->watch_interrupts(cpu, busy);
}

void console_log(const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (!try_lock())
		return;
	add_line(line);
	unlock();
	this_cpu()->work |= CPU_WORK_CONSOLE;
}

void console_print(const char *fmt, ...)
{
	static char line[8192];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	while (!try_lock())
		cpu_pause();
	drain();
	add_line(line);
	screen_line(line);
	drain();
	unlock();
}

void console_finish(void)
{
	while (!try_lock())
		cpu_pause();
	if (there)
		do
			drain();
		while (format_next());
	unlock();
}

void console_seize(void)
{
	seized = true;
}
