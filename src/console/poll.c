// SPDX-License-Identifier: MIT
#include "exit/apic_page.h"
#include "exit/longest.h"
#include "console/poll.h"
#include "console/answer.h"
#include "console/command.h"
#include "console/debugger.h"
#include "console/input.h"
#include "console/names_search.h"
#include "console/printer.h"
#include "console/slice_job.h"
#include "log/log.h"
#include "log/turn.h"
#include "log/uart.h"
#include "hw/asm.h"
#include "apic/apic.h"
#include "blackbox/blackbox.h"
#include "report/guest_names.h"
#include "vendor.h"

#define POLL_MS 1    /* the FIFO's 16 bytes at 115200 baud take 1.4 ms */
#define LATE_MS 200  /* after this another CPU polls: longer than the period of VT-x's timer */
#define KEYS_MS 1000 /* how long the CPU that read a key polls for the next one */

static bool there, input_on;
static uint64_t last_turn, last_key;
static uint32_t last_reader; /* CPU that read the last key */

/* If the guest sets its TSC back, the time counts as passed. */
static bool passed(uint64_t since, uint64_t ticks)
{
	return rdtsc() - since >= ticks;
}

/* After one key more will come soon. */
static bool has_the_keys(const struct cpu *cpu)
{
	return last_reader == cpu->number && !passed(last_key, boot_info.tsc_khz * KEYS_MS);
}

static bool attends(const struct cpu *cpu)
{
	return input_on && (!cpu->number || has_the_keys(cpu));
}

/* The boot CPU polls often. Others poll only if it has not for a while: it may have died with its interrupts off. */
static void set_pace(struct cpu *cpu)
{
	cpu->poll_ticks = boot_info.tsc_khz * (attends(cpu) ? POLL_MS : LATE_MS);
}

/* Reads typed keys, no more often than the FIFO needs. Called with the lock held. */
static bool receive(uint64_t now)
{
	if (now - turn_polled < boot_info.tsc_khz * POLL_MS)
		return false;
	turn_polled = now;
	if (!input_on || !input_receive())
		return false;
	last_key = turn_polled;
	last_reader = this_cpu()->number;
	return true;
}

/* Whether a CPU that no longer exits has left lines, which any other CPU then prints. Checked only when a turn is overdue. */
static bool left_behind(void)
{
	if (!passed(last_turn, boot_info.tsc_khz * LATE_MS))
		return false;
	last_turn = rdtsc();
	return log_waits() || input_waits() || printer_waiting();
}

static bool says_it_goes_on(void)
{
	return blackbox_goes_on() && log_add_line("trapline: the guest still runs: it had not ended");
}

/* One line, once: the guest may have no choice. */
static bool says_advice(void)
{
	static bool said;

	if (said || !apic_advises())
		return false;
	said = log_add_line(
		"trapline: each timer interrupt takes two exits for stores to the local APIC; in x2APIC "
		"mode, which the CPU has, it takes none");
	return said;
}

/* Takes a turn only if there is something to do. */
static void poll(struct cpu *cpu)
{
	if (!log_try_lock())
		return;
	if (says_it_goes_on() || says_advice() || receive(rdtsc()) || printer_losses_due() || left_behind())
		cpu_add_work(cpu, CPU_WORK_CONSOLE);
	set_pace(cpu);
	log_unlock();
}

static bool wants_others(void)
{
	return there && !vendor->traits->has_timer;
}

/* Comes before the records, so that their addresses have names. */
static bool says_names(struct cpu *cpu)
{
	static char line[LOG_LINE_SIZE];

	if (names_search_begin(cpu))
		return true;
	return log_room() > 2 * LOG_LINE_SIZE && guest_names_line(line, sizeof(line)) && log_add_line(line);
}

/* The log goes out only while the guest runs; else it waits. */
static bool debugger_turn(struct cpu *cpu)
{
	return debugger->turn() || (debugger->prints() && (log_feed() || says_names(cpu) || printer_turn()));
}

/* Input comes before records, so that the operator gets answers in the middle of a flood. Called with the lock held. */
static bool turn(struct cpu *cpu)
{
	last_turn = rdtsc();
	receive(last_turn);
	if (debugger->has_line())
		return debugger_turn(cpu);
	return log_feed() || input_turn() || says_names(cpu) || printer_turn() || input_show();
}

/* If nothing wakes Trapline on a boot CPU that has died, the second CPU has to exit from time to time. */
static bool stands_in(const struct cpu *cpu)
{
	return cpu->number == 1 && wants_others();
}

static bool may_watch_waits(const struct cpu *cpu)
{
	return !cpu->number && vendor->traits->watches_waits;
}

static bool watches_waits(const struct cpu *cpu)
{
	return apic_is_left() && may_watch_waits(cpu) && there;
}

#define ASKED      0x80
#define INTERRUPTS 0x01
#define WAITS      0x02

/* While text waits each turn asks for the same as the last one. */
static void ask_for_exits(struct cpu *cpu, bool interrupts, bool waits)
{
	uint8_t watches = (uint8_t)(ASKED | (interrupts ? INTERRUPTS : 0) | (waits ? WAITS : 0));

	if (watches == cpu->turn_watches)
		return;
	cpu->turn_watches = watches;
	vendor->exits.watch(cpu, WATCH_INTERRUPTS, interrupts);
	if (may_watch_waits(cpu))
		vendor->exits.watch(cpu, WATCH_WAITS, waits);
}

static bool polls_by_interrupts(const struct cpu *cpu)
{
	return input_on && (!cpu->number || stands_in(cpu)) && !apic_sees_interrupts();
}

/* The next exit watches interrupts again. */
static void pass_interrupt(struct cpu *cpu, bool waits)
{
	if (may_watch_waits(cpu))
		vendor->exits.watch(cpu, WATCH_WAITS, waits);
	cpu->turn_watches = 0;
	cpu->pass_interrupt = false;
}

/*
 * One turn of work. It is short, because the guest waits. While work is left interrupts exit, so that even an idle
 * guest has turns. They also exit for polling, unless the CPU's end of each interrupt
 * exits anyway. A HLT whose interrupts exit ends with the exit of an interrupt.
 */
__attribute__((noinline)) static void take_turn(struct cpu *cpu)
{
	bool busy = true, waits = watches_waits(cpu);

	if (log_try_lock()) {
		busy = turn(cpu);
		log_unlock();
		busy |= input_run(cpu);
		debugger->run(cpu);
	}
	busy |= cpu->pass_interrupt;
	if (cpu->pass_interrupt)
		pass_interrupt(cpu, waits);
	else
		ask_for_exits(cpu, busy || waits || polls_by_interrupts(cpu), waits);
	if (busy)
		cpu_add_work(cpu, CPU_WORK_CONSOLE);
	else
		cpu_end_work(cpu, CPU_WORK_CONSOLE);
	exit_measure(cpu);
}

/*
 * While text waits, most turns only feed the FIFO, and what exits does not change. The text of a debugger, which has the line, goes
 * another way. False: there is more to do.
 */
static bool feeds(void)
{
	if (!log_try_feed(&last_turn))
		return false;
	if (uart_had_input() && log_try_lock()) {
		receive(last_turn);
		log_unlock();
	}
	return true;
}

/* A line that was begun is completed before other work is looked for, but not in the middle of an answer. */
__attribute__((noinline)) static bool goes_on(struct cpu *cpu)
{
	bool went_on;

	if (input_waits() || debugger->has_line() || !log_try_lock())
		return false;
	went_on = printer_go_on();
	log_unlock();
	if (went_on)
		exit_measure(cpu);
	return went_on;
}

/* A FIFO that was just found full is not looked at, and the rest of the turn waits as well, unless what exits has to change. */
static void serve_console(struct cpu *cpu)
{
	if (cpu->pass_interrupt || cpu->turn_watches != (ASKED | INTERRUPTS))
		take_turn(cpu);
	else if (!log_is_held_up() && !feeds() && !goes_on(cpu))
		take_turn(cpu);
}

/* The part of a turn that the operator sees at once. Called with the lock held. */
static bool feed_and_type(void)
{
	last_turn = rdtsc();
	receive(last_turn);
	if (debugger->has_line())
		return debugger->turn();
	return log_feed() || input_turn() || input_show();
}

static bool serves_operator(struct cpu *cpu)
{
	bool served;

	if (!log_try_lock())
		return false;
	served = feed_and_type();
	log_unlock();
	served |= input_run(cpu);
	debugger->run(cpu);
	return served;
}

/* The search takes hundreds of exits: if there is text or a key, every second one is the operator's. */
static bool search_names(struct cpu *cpu)
{
	static bool last; /* the last exit was */

	last = !last && serves_operator(cpu);
	return last || names_search_serve(cpu);
}

/* The command of a call goes first, because a CPU waits for it; then the search for names, which records wait for. */
SLOW_PATH static bool serve_jobs(struct cpu *cpu)
{
	return answer_serve(cpu) || (names_search_rests(cpu) && search_names(cpu));
}

static void serve(struct cpu *cpu)
{
	if (slice_job_is_there() && serve_jobs(cpu)) {
		exit_measure(cpu);
		return;
	}
	cpu->turn_due = cpu->exit.is_long && !cpu->pass_interrupt;
	cpu->exit.is_long = false; /* a CPU that waits in this exit has turns all the time */
	if (cpu->turn_due)
		ask_for_exits(cpu, true, watches_waits(cpu)); /* there has to be a next exit */
	else
		serve_console(cpu);
}

void console_init(void)
{
	static const struct turn_taker taker = {.poll = poll,
		.serve = serve,
		.attends = attends,
		.wants_others = wants_others,
		.hide_prompt = input_hide,
		.finish_line = printer_finish_line,
		.add_notice = printer_add_notice,
		.finish = printer_finish};
	const char *why, *bad;

	there = log_init();
	slice_init();
	command_when_busy(answer_hurry);
	log_set_rest(slice_rest);
	turn_set(&taker);
	input_on = there && boot_info.config.console_input;
	for_each_cpu (c)
		set_pace(c);
	if (input_on)
		cpu_add_work(cpus[0], CPU_WORK_CONSOLE); /* its first exit starts to watch interrupts */
	why = printer_init(&bad);
	if (why)
		log_print("trapline: filter in trapline.conf: \"%s\" %s; it is ignored", bad, why);
}
