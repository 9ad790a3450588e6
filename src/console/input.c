// SPDX-License-Identifier: MIT
#include "console/input.h"
#include <stdatomic.h>
#include "console/command.h"
#include "console/complete.h"
#include "console/debugger.h"
#include "log/log.h"
#include "console/line.h"
#include "console/slice.h"
#include "log/uart.h"
#include "hw/asm.h"
#include "apic/park.h"
#include "lib/printf.h"
#include "lib/string.h"

#define AHEAD     512  /* a power of two */
#define AT_ONCE   1024 /* bytes: a debugger takes all, and the guest waits meanwhile */
#define CTRL_C    3
#define ANSWER_MS 500 /* how long a CPU may take to accept a command */
#define KICK_MS   20
/* A byte of a packet that is being sent comes sooner, and the whole packet too, also through a slow terminal server. */
#define NEXT_MS  200
#define HURRY_MS 2000
#define WHY_MAX  256

enum input_output input_output = INPUT_TERMINAL;
uint32_t input_cpu;

static char ahead[AHEAD];
static uint32_t ahead_head, ahead_tail;
static bool attached;  /* a byte has come: an operator is there */
static bool shown;     /* prompt and line are on the screen */
static bool cancelled; /* ^C was typed: end the current answer */
static struct line line = {.prompt = "trapline> "};

/*
 * The line that is being carried out. WAITING: CPU `cpu` must take it, and sets RUNNING. RESTING: it is carried out in slices by CPU `on`, which has
 * the commands' lock (console/slice.h). DONE: the end of the answer is due.
 */
enum {
	IDLE,
	WAITING,
	RUNNING,
	RESTING,
	DONE
};
static struct {
	_Atomic uint32_t state;
	uint32_t cpu;
	struct cpu *on;
	uint64_t since;
	char line[LINE_TEXT_MAX];
	char text[LINE_TEXT_MAX]; /* a copy that is cut into words when it is carried out */
	struct command_result result;
	bool between_lines; /* RESTING: others may give commands, which have the lock meanwhile */
	char why[WHY_MAX];  /* a copy of the result's, which the next command may overwrite */
} job;

static void take(char c)
{
	attached = true;
	if (c == CTRL_C)
		cancelled = true;
	ahead[ahead_head++ % AHEAD] = c;
}

static bool get_soon(char *c)
{
	uint64_t since = rdtsc();

	do
		if (uart_get(c))
			return true;
	while (rdtsc() - since < boot_info.tsc_khz * NEXT_MS);
	return false;
}

/*
 * The first packet of a debugger is longer than the UART's FIFO, and the guest still runs: the rest is waited for, byte by byte. If the
 * FIFO has already lost some of it the packet does not end, and is asked for once more.
 */
static bool get(char *c)
{
	static uint64_t hurry;

	if (!debugger->is_in_a_hurry()) {
		hurry = rdtsc();
		return uart_get(c);
	}
	if (rdtsc() - hurry < boot_info.tsc_khz * HURRY_MS && get_soon(c))
		return true;
	debugger->ask_again();
	return get_soon(c);
}

/* Bytes that do not fit stay in the UART, which may be able to make the sender wait, and counts what it drops. */
bool input_receive(void)
{
	unsigned n = 0;
	char c;

	while (n < AT_ONCE && ahead_head - ahead_tail < AHEAD && !debugger->is_busy() && get(&c)) {
		n++;
		if (!debugger->key(c))
			take(c);
	}
	return n;
}

void input_give(const char *bytes, size_t n)
{
	while (n-- && ahead_head - ahead_tail < AHEAD)
		take(*bytes++);
}

bool input_is_empty(void)
{
	return ahead_head == ahead_tail && !line.length;
}

/* What is on the screen does not matter any more. */
void input_leave(void)
{
	ahead_tail = ahead_head;
	attached = shown = false;
	line.put = NULL;
	line_begin(&line);
}

bool input_waits(void)
{
	return ahead_head != ahead_tail || atomic_load(&job.state) != IDLE;
}

bool input_show(void)
{
	if (!attached || shown || input_output != INPUT_TERMINAL || atomic_load(&job.state) != IDLE)
		return false;
	line.put = log_put;
	line_redraw(&line);
	shown = true;
	return true;
}

void input_hide(void)
{
	if (shown)
		log_put("\r\x1b[K", 4);
	shown = false;
	line.put = NULL;
}

/* For scripts: marks the end of an answer, and whether it succeeded. */
static void say_done(const char *command, const char *why)
{
	static char text[COMMAND_DONE_MAX];

	if (input_output == INPUT_LOGFMT)
		command_done(text, sizeof(text), command, why);
	else if (why)
		snprintf(text, sizeof(text), "error: %s", why);
	else
		return;
	log_put_line(text);
}

static void refuse(const char *why)
{
	say_done("none", why);
	line_begin(&line);
}

/* Hands the line to the CPU that it concerns. An NMI makes that CPU read it. */
static void hand_to(uint32_t cpu)
{
	memcpy(job.text, job.line, sizeof(job.text));
	job.cpu = cpu;
	job.since = rdtsc();
	atomic_store(&job.state, WAITING);
	if (cpu != COMMAND_ANYWHERE && cpus[cpu] != this_cpu())
		cpu_kick(cpus[cpu]);
}

static void hand_over(void)
{
	memcpy(job.line, line.text, sizeof(job.line));
	line_begin(&line);
	cancelled = false;
	hand_to(command_place(job.line));
}

/* For scripts there is no completion. */
static void complete(bool list)
{
	static struct completion c;

	command_complete(&c, line.text, line.cursor);
	if (!list) {
		if (c.rest[0])
			line_insert(&line, c.rest);
	} else if (c.count && input_output == INPUT_TERMINAL) {
		input_hide();
		log_put_line(c.list + 1);
		input_show();
	}
}

static void end_of_line(enum line_event event)
{
	shown = false;
	line.put = NULL;
	if (event == LINE_TOO_LONG)
		refuse(COMMAND_TOO_LONG);
	else if (line.length)
		hand_over();
	else
		line_begin(&line);
}

/* Takes keys up to the end of a line. */
static bool type_ahead(void)
{
	bool any = false;

	if (ahead_head != ahead_tail)
		input_show();
	while (ahead_head != ahead_tail) {
		enum line_event event = line_key(&line, ahead[ahead_tail++ % AHEAD]);

		any = true;
		if (event == LINE_TAB || event == LINE_TAB_AGAIN)
			complete(event == LINE_TAB_AGAIN);
		if (event == LINE_READY || event == LINE_TOO_LONG) {
			end_of_line(event);
			return true;
		}
	}
	return any;
}

static void print_lost(void)
{
	static uint64_t said;
	char text[96];
	uint64_t lost = uart_overruns();

	if (lost == said)
		return;
	snprintf(text, sizeof(text), "trapline: lost input=%lu: keys came faster than they could be read",
		lost - said);
	said = lost;
	input_hide();
	log_put_line(text);
}

/* Hands the line to the next CPU that it concerns. False: there is none. */
static bool hand_on(void)
{
	uint32_t next = cancelled ? COMMAND_ANYWHERE : command_next(job.line, job.cpu);

	if (next == COMMAND_ANYWHERE)
		return false;
	hand_to(next);
	return true;
}

static void finish(void)
{
	if (!job.result.why && hand_on())
		return;
	say_done(job.result.name, job.result.why);
	atomic_store(&job.state, IDLE);
}

/* A CPU that does not respond has its interrupts off, waits for a SIPI, or is busy in the VMM. */
static void give_up_waiting(void)
{
	uint32_t waiting = WAITING, silent = job.cpu;
	char text[COMMAND_SILENT_MAX];

	if (rdtsc() - job.since < boot_info.tsc_khz * ANSWER_MS ||
		!atomic_compare_exchange_strong(&job.state, &waiting, RUNNING))
		return;
	if (hand_on()) {
		snprintf(text, sizeof(text), COMMAND_SILENT_LINE, silent);
		log_put_line(text);
		return;
	}
	job.result = (struct command_result){.name = "none", .why = COMMAND_SILENT};
	finish();
}

static bool is_for(const struct cpu *cpu)
{
	return job.cpu == COMMAND_ANYWHERE || job.cpu == cpu->number;
}

bool input_turn(void)
{
	print_lost();
	switch (atomic_load(&job.state)) {
	case IDLE:
		return type_ahead();
	case RESTING:
		return true; /* no record in the middle of an answer */
	case DONE:
		finish();
		return true;
	case WAITING:
		give_up_waiting();
		return is_for(this_cpu()); /* no part of a record in the exit of the first slice */
	default:
		return false;
	}
}

/* False: another CPU has the lock, or the line was handed to another CPU meanwhile. */
static bool take_up(const struct cpu *cpu)
{
	uint32_t waiting = WAITING;

	if (!atomic_compare_exchange_strong(&job.state, &waiting, RUNNING))
		return false;
	if (is_for(cpu))
		return true;
	atomic_store(&job.state, WAITING);
	return false;
}

/* log_reply() without its formatting. */
static void reply(const char *text)
{
	log_lock();
	log_put_line(text);
	log_unlock();
	job.between_lines = true;
	log_rest();
	job.between_lines = false;
}

static void carry_out(void)
{
	static char text[TRAP_LINE_MAX];

	job.between_lines = false;
	command_run(job.on, COMMAND_OPERATOR, job.text, &job.result);
	while (!cancelled && job.result.more && job.result.more(COMMAND_OPERATOR, text, sizeof(text)))
		reply(text);
}

static void keep_why(void)
{
	if (!job.result.why)
		return;
	snprintf(job.why, sizeof(job.why), "%s", job.result.why);
	job.result.why = job.why;
}

/* After a slice. */
static void after_slice(bool done)
{
	if (done)
		keep_why();
	else
		job.since = rdtsc();
	if (done || job.between_lines)
		command_end();
	atomic_store(&job.state, done ? DONE : RESTING);
}

static bool is_late(void)
{
	return rdtsc() - job.since >= boot_info.tsc_khz * ANSWER_MS;
}

/* The CPU that rests may have no exits, so it is kicked; or it will never have one. */
static void wake(const struct cpu *cpu)
{
	uint32_t resting = RESTING;

	if (rdtsc() - job.since >= boot_info.tsc_khz * KICK_MS && !atomic_load(&job.on->kicked))
		cpu_kick(job.on);
	if (log_waits()) /* there is no room for its line */
		job.since = rdtsc();
	if (!is_late() || !atomic_compare_exchange_strong(&job.state, &resting, RUNNING))
		return;
	job.result = (struct command_result){.name = "none", .why = COMMAND_SILENT};
	if (!job.between_lines)
		command_end();
	atomic_store(&job.state, DONE);
}

static void next_slice(void)
{
	if (job.between_lines && !command_begin())
		atomic_store(&job.state, RESTING);
	else
		after_slice(slice_go_on(SLICE_OPERATOR));
}

/* The next slice, if there is room for its line. */
static void go_on(struct cpu *cpu)
{
	uint32_t resting = RESTING;

	if (cpu != job.on)
		wake(cpu);
	else if (log_room() > 2 * LOG_LINE_SIZE &&
		 atomic_compare_exchange_strong(&job.state, &resting, RUNNING))
		next_slice();
}

/* A command begins in the exit that took its last key: there the guest is where it was interrupted, and not in a handler. */
bool input_run(struct cpu *cpu)
{
	if (atomic_load(&job.state) == IDLE)
		return false;
	if (atomic_load(&job.state) == RESTING) {
		go_on(cpu);
		return true;
	}
	if (!is_for(cpu) || !command_begin())
		return true;
	if (take_up(cpu)) {
		job.on = cpu;
		after_slice(slice_begin(SLICE_OPERATOR, cpu, carry_out));
	} else {
		command_end();
	}
	return true;
}
