// SPDX-License-Identifier: MIT
/* The output of the console's text: to a UART that takes bytes, one that takes none, and one that takes them again later. */
#include "exit/apic_page.h"
#include "unit.h"
#include <asm/prctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "apic/apic.h"
#include "blackbox/blackbox.h"
#include "console/poll.h"
#include "console/answer.h"
#include "console/command.h"
#include "console/printer.h"
#include "console/slice_job.h"
#include "log/log.h"
#include "log/turn.h"
#include "console/input.h"
#include "log/screen.h"
#include "log/uart.h"
#include "console/names_search.h"
#include "report/guest_names.h"
#include "hw/asm.h"
#include "exit/exception.h"
#include "exit/record.h"
#include "fake_vendor.h"

#define LINES     1000
#define WAIT_MS   100        /* limit for one FIFO */
#define TSC_KHZ   5000000ull /* more than the host has: its pauses are short against the waits */
#define FOR_EVER  (TSC_KHZ * WAIT_MS * (LINES / 4)) /* as long as that many lines take if each is waited for */
#define SENT_SIZE 65536

struct boot_info boot_info;
struct cpu *cpus[BOOT_MAX_CPUS];
_Atomic uint32_t cpus_active;

struct cpu *cpu_of_stack(uint64_t address)
{
	return cpus[0];
}
const struct vendor *vendor;

static char sent[SENT_SIZE], kept[SENT_SIZE];
static size_t sent_bytes;
static bool takes, idle, has_box;

uint32_t uart_init(const struct uart_port *port, uint32_t baud)
{
	return 115200;
}

/* The guest gives no commands here. */
void answer_hurry(void)
{
}

void command_when_busy(void (*call)(void))
{
}

/* A turn asks them both, and neither has any work. */
_Atomic uint32_t slice_jobs = 1;

bool answer_serve(struct cpu *cpu)
{
	return false;
}

void slice_init(void)
{
}

void slice_rest(void)
{
}

size_t uart_put(const char *bytes, size_t n)
{
	if (!takes)
		return 0;
	n = n > UART_FIFO ? UART_FIFO : n;
	memcpy(sent + sent_bytes, bytes, n);
	sent_bytes += n;
	sent[sent_bytes] = 0;
	return n;
}

bool uart_idle(void)
{
	return idle;
}

bool uart_had_input(void)
{
	return false;
}

void blackbox_add_line(const char *line, size_t n)
{
	if (strlen(kept) + n + 2 < sizeof(kept))
		strcat(strncat(kept, line, n), "\n");
}

void blackbox_line(const char *line)
{
	blackbox_add_line(line, strlen(line));
}

bool names_search_begin(struct cpu *cpu)
{
	return false;
}

_Atomic uint32_t slice_jobs;
static bool searches;
static unsigned slices;

bool names_search_rests(const struct cpu *cpu)
{
	return searches;
}

bool names_search_serve(struct cpu *cpu)
{
	slices += searches;
	return searches;
}

bool guest_names_line(char *line, size_t size)
{
	return false;
}

bool blackbox_is_there(void)
{
	return has_box;
}

bool blackbox_goes_on(void)
{
	return false;
}

void screen_line(const char *line)
{
}

bool guest_translate(const struct guest_paging *p, uint64_t linear, uint64_t *physical)
{
	return false;
}

void record_note_all(void)
{
}

static bool left, advises;

bool apic_advises(void)
{
	return advises;
}

bool apic_is_left(void)
{
	return left;
}

bool apic_sees_interrupts(void)
{
	return true;
}

#define NO_INPUT(X) X(input_receive) X(input_waits) X(input_show)
#define X(name)                                                                                              \
	bool name(void)                                                                                      \
	{                                                                                                    \
		return false;                                                                                \
	}
NO_INPUT(X)
#undef X

static bool types;
static unsigned keys;

bool input_turn(void)
{
	keys += types;
	return types;
}

void input_hide(void)
{
}

bool input_run(struct cpu *cpu)
{
	return false;
}

static int setup(void **state)
{
	boot_info.tsc_khz = TSC_KHZ;
	boot_info.console.base = 0x2f8;
	console_init();
	return 0;
}

static void goes_out(void **state)
{
	takes = idle = true;
	log_print("one %d", 1);
	assert_string_equal(sent, "one 1\r\n");
}

/* A story's lines: the limited number is sent, and all are in the black box. Without a black box all are sent. */
static void bounded(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		has_box = i;
		sent_bytes = 0;
		kept[0] = 0;
		log_bound(2);
		for (unsigned n = 1; n < 5; n++)
			log_print("%u", n);
		assert_int_equal(log_unbound(), has_box ? 2 : 0);
		log_print("behind");
		assert_string_equal(
			sent, has_box ? "1\r\n2\r\nbehind\r\n" : "1\r\n2\r\n3\r\n4\r\nbehind\r\n");
		assert_string_equal(kept, "1\n2\n3\n4\nbehind\n");
	}
}

/* Another way, which takes a line at once, and sends it in three times the limit: its bytes go out meanwhile. */
#define SLOW (3 * TSC_KHZ * WAIT_MS)
static uint64_t slow_since;

static bool slow_idle(void)
{
	return rdtsc() - slow_since >= SLOW;
}

static uint64_t slow_sent(void)
{
	return (slow_idle() ? SLOW : rdtsc() - slow_since) / (SLOW / 100);
}

static size_t slow_put(const char *bytes, size_t n)
{
	if (!slow_idle())
		return 0;
	slow_since = rdtsc();
	memcpy(sent + sent_bytes, bytes, n);
	sent_bytes += n;
	sent[sent_bytes] = 0;
	return n;
}

static void slow_way(void **state)
{
	static const struct log_way slow = {.put = slow_put, .idle = slow_idle, .sent = slow_sent};

	sent_bytes = 0;
	kept[0] = 0;
	log_send_by(&slow);
	log_print("one");
	assert_true(slow_idle()); /* it was waited for */
	slow_since = rdtsc();     /* and now something else is on its way */
	log_print("two");
	log_send_by(NULL);
	assert_string_equal(sent, "one\r\ntwo\r\n");
	assert_string_equal(kept, "one\ntwo\n");
}

static uint64_t time_of_lines(void)
{
	uint64_t since = rdtsc();

	for (unsigned i = 0; i < LINES; i++)
		log_print("line %u", i);
	return rdtsc() - since;
}

/* It is waited for once. The lines are in the black box, with a line about the loss. */
static void takes_nothing(void **state)
{
	takes = idle = false;
	kept[0] = 0;
	assert_in_range(time_of_lines(), 0, FOR_EVER);
	assert_non_null(strstr(kept, "accepts no more text"));
	assert_null(strstr(strstr(kept, "accepts no more") + 1, "accepts no more"));
	assert_non_null(strstr(kept, "line 999\n"));
	turn_finish();
}

/* "line 0" to "line 999", each with CR and LF. */
static void takes_again(void **state)
{
	takes = idle = true;
	sent_bytes = 0;
	log_print("first");
	log_print("second");
	log_print("third");
	assert_string_equal(sent,
		"first\r\ntrapline: lost bytes=9890 total=9890 why=\"the UART took nothing\"\r\n"
		"second\r\nthird\r\n");
}

/* A UART that takes bytes and never reports that the last one was sent. */
static void never_empties(void **state)
{
	takes = true;
	idle = false;
	sent_bytes = 0;
	assert_in_range(time_of_lines(), 0, FOR_EVER);
	assert_non_null(strstr(sent, "line 999\r\n"));
}

static bool interrupts, waits;

static void watch(struct cpu *c, enum watched what, bool on)
{
	if (what == WATCH_INTERRUPTS)
		interrupts = on;
	else
		waits = on;
}

static const struct vendor_traits traits = {.watches_waits = true};
FAKE_VENDOR(fake, .traits = &traits, .exits.watch = watch);

/* A HLT whose interrupts exit ends with that exit, whether the console polls or not. */
static struct exit_entry exits[4];

static void waits_need_interrupts(void **state)
{
	static struct cpu boot, other = {.number = 1};

	history_init(&boot.history, exits, 4);
	history_init(&other.history, exits, 4);
	vendor = &fake;
	takes = idle = true;
	for (unsigned i = 0; i < 2; i++) {
		left = i;
		for (unsigned n = 0; n < 100 && (!n || boot.work); n++)
			turn_serve(&boot);
		assert_int_equal(boot.work, 0);
		assert_int_equal(waits, i);
		assert_int_equal(interrupts, i);
	}
	interrupts = waits = false;
	turn_serve(&other);
	assert_false(interrupts || waits);
	left = false;
	vendor = NULL;
}

/* An exit that was long leaves the turn to the next one, and sees to it that there is one. */
static void long_exit(void **state)
{
	static struct cpu boot = {.work = CPU_WORK_CONSOLE, .exit.is_long = true};

	history_init(&boot.history, exits, 4);
	vendor = &fake;
	interrupts = false;
	turn_serve(&boot);
	assert_true(interrupts && boot.turn_due && boot.work & CPU_WORK_CONSOLE);
	boot = (struct cpu){.work = CPU_WORK_CONSOLE, .exit.is_long = true, .pass_interrupt = true};
	history_init(&boot.history, exits, 4);
	turn_serve(&boot);
	assert_false(boot.turn_due || boot.pass_interrupt);
	interrupts = waits = false;
	vendor = NULL;
}

/* While the search for names goes on each exit takes a slice, or every second one if the operator types. */
static void types_in_search(void **state)
{
	static struct cpu boot;

	history_init(&boot.history, exits, 4);
	vendor = &fake;
	takes = idle = searches = true;
	log_drain(); /* the text of the tests before */
	for (unsigned n = 0; n < 1000 && (!n || boot.work); n++)
		turn_serve(&boot);
	assert_int_equal(boot.work, 0);
	slice_jobs = 1;
	for (unsigned i = 0; i < 2; i++) {
		types = i;
		slices = keys = 0;
		for (unsigned n = 0; n < 10; n++)
			turn_serve(&boot);
		assert_int_equal(slices, types ? 5 : 10);
		assert_int_equal(keys, types ? 5 : 0);
	}
	types = searches = false;
	slice_jobs = 0;
	vendor = NULL;
}

/* The advice to use x2APIC comes once, in the log and for the black box. */
static void advises_once(void **state)
{
	static struct cpu boot;

	kept[0] = 0;
	advises = true;
	for (unsigned i = 0; i < 3; i++)
		turn_poll_now(&boot);
	advises = false;
	assert_non_null(strstr(kept, "x2APIC mode, which the CPU has"));
	assert_null(strstr(strstr(kept, "x2APIC") + 1, "x2APIC"));
	assert_true(boot.work & CPU_WORK_CONSOLE);
}

static void add_record(struct cpu *c)
{
	struct trap_record *r;

	log_limits.most = PRINT_QUEUE;
	r = ring_begin(&c->ring);
	memset((char *)r + sizeof(r->seq), 0, sizeof(*r) - sizeof(r->seq));
	r->vector = 6;
	ring_commit(&c->ring, r);
	print_queue_put(&c->print, r, print_kind(r));
}

static bool one_turn(void)
{
	bool done;

	log_lock();
	done = printer_turn();
	log_unlock();
	return done;
}

/* This one, whose records are printed to a UART that takes bytes. */
static void have_one_cpu(struct cpu *c)
{
	static struct trap_record slots[8];

	ring_init(&c->ring, slots, 8);
	c->writing = &c->ring;
	c->self = c;
	cpus[0] = c;
	boot_info.cpus = 1;
	boot_info.config.print.vectors = ~0u;
	assert_int_equal(syscall(SYS_arch_prctl, ARCH_SET_GS, c), 0); /* this_cpu() */
	takes = idle = true;
}

/* A notice does not wait for the line that is being written, and comes after it; a second one completes it. */
static void notice_behind_a_line(void **state)
{
	static struct cpu c;

	have_one_cpu(&c);
	for (unsigned notices = 1; notices <= 2; notices++) {
		char *trap, *first;

		kept[0] = 0;
		add_record(&c);
		assert_true(one_turn());
		log_line("notice one");
		assert_string_equal(kept, "");
		if (notices == 2)
			log_line("notice two");
		while (one_turn())
			;
		trap = strstr(kept, "trap seq=");
		first = strstr(kept, "notice one");
		assert_ptr_equal(trap, kept);
		assert_true(first > trap);
		assert_true(notices == 1 || strstr(kept, "notice two") > first);
	}
	cpus[0] = NULL;
}

/* It comes as well if the log has no room for the line. */
static void notice_behind_a_lost_line(void **state)
{
	static struct cpu c;

	have_one_cpu(&c);
	log_drain();
	while (one_turn())
		;
	kept[0] = 0;
	add_record(&c);
	assert_true(one_turn());
	log_line("notice one");
	assert_string_equal(kept, "");
	takes = false;
	while (log_room())
		log_put("x", 1);
	log_lock();
	printer_finish_line();
	log_unlock();
	assert_non_null(strstr(kept, "notice one"));
	takes = true;
	log_drain();
	cpus[0] = NULL;
}

/* With many CPUs a turn adds up the counts of some. Every loss is said all the same. */
static void losses_of_many(void **state)
{
	struct cpu *all = aligned_alloc(LINE_SIZE, BOOT_MAX_CPUS * sizeof(*all));
	uint64_t lost = 0, limited = 0;
	unsigned turns = 0;
	char line[100];

	assert_true(BOOT_MAX_CPUS >= 256);
	assert_non_null(all);
	memset(all, 0, BOOT_MAX_CPUS * sizeof(*all));
	for (unsigned i = 0; i < BOOT_MAX_CPUS; i++) {
		cpus[i] = &all[i];
		all[i].number = i;
		lost += all[i].print.lost = 3 * i;
		limited += all[i].print.limited[6] = all[i].print.all_limited = i & 1;
	}
	boot_info.cpus = BOOT_MAX_CPUS;
	boot_info.tsc_khz = 0; /* the interval has passed */
	kept[0] = 0;
	for (; !strstr(kept, "trapline: lost lines"); turns++) {
		printer_losses_due();
		one_turn();
		assert_in_range(turns, 0, 100000);
	}
	assert_true(turns > PRINT_KINDS * BOOT_MAX_CPUS / 256);
	snprintf(line, sizeof(line), "trapline: limited name=#UD lines=%lu total=%lu", limited, limited);
	assert_non_null(strstr(kept, line));
	snprintf(line, sizeof(line), " total=%lu\n", lost + limited + log_lost());
	assert_non_null(strstr(kept, line));
	boot_info.tsc_khz = TSC_KHZ;
	memset(cpus, 0, sizeof(cpus));
	boot_info.cpus = 0;
	free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_out),
		cmocka_unit_test(bounded),
		cmocka_unit_test(slow_way),
		cmocka_unit_test(takes_nothing),
		cmocka_unit_test(takes_again),
		cmocka_unit_test(never_empties),
		cmocka_unit_test(waits_need_interrupts),
		cmocka_unit_test(long_exit),
		cmocka_unit_test(notice_behind_a_line),
		cmocka_unit_test(losses_of_many),
		cmocka_unit_test(advises_once),
		cmocka_unit_test(types_in_search),
		cmocka_unit_test(notice_behind_a_lost_line),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
