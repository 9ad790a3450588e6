// SPDX-License-Identifier: MIT
/*
 * The services command and answer: pieces of every size add up to the whole answer, and every loss is counted. A command that takes several
 * exits is carried out once, whatever comes between them.
 */
#include <asm/prctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include "unit.h"
#include "apic/park.h"
#include "console/answer.h"
#include "console/command.h"
#include "console/slice_job.h"
#include "fake_caller.h"
#include "hw/asm.h"
#include "log/log.h"
#include "vmcall/caller.h"
#include "vmcall/operator.h"

#define LINE "0123456789 0123456789 0123456789"

/* The output of the command: the lines that are there at once, and those that are made when they are fetched. */
static unsigned at_once, later;
static const char *why;
static void (*line_to)(const char *);
static bool busy; /* another CPU carries out a command */
static int64_t write_error;
static unsigned held, kicks, runs;

struct boot_info boot_info;
static struct cpu one = {.self = &one}, two = {.self = &two, .number = 1};
static const char *given; /* the text of the call */

void cpu_kick(struct cpu *c)
{
	assert_ptr_equal(c, &one);
	kicks++;
}

bool command_begin(void)
{
	if (busy || held) {
		answer_hurry();
		return false;
	}
	held++;
	return true;
}

void command_end(void)
{
	assert_int_equal(held--, 1);
}

/* With `rests` a command has a stack of its own, as on the machine. */
static bool rests, done_inside;
static ucontext_t inside, outside;
static void (*work_inside)(void);

void log_rest(void)
{
	if (rests)
		swapcontext(&inside, &outside);
}

static void start(void)
{
	work_inside();
	done_inside = true;
	swapcontext(&inside, &outside);
}

bool slice_go_on(enum slice_stack stack)
{
	swapcontext(&outside, &inside);
	return done_inside;
}

bool slice_begin(enum slice_stack stack, struct cpu *c, void (*work)(void))
{
	static char memory[1 << 17];

	assert_int_equal(stack, SLICE_GUEST);
	if (!rests) {
		work();
		return true;
	}
	work_inside = work;
	done_inside = false;
	getcontext(&inside);
	inside.uc_stack.ss_sp = memory;
	inside.uc_stack.ss_size = sizeof(memory);
	makecontext(&inside, start, 0);
	return slice_go_on(stack);
}

void log_reply_to(void (*line)(const char *))
{
	line_to = line;
}

static bool more(enum command_source source, char *text, size_t size)
{
	assert_int_equal(source, COMMAND_GUEST);
	if (!later)
		return false;
	snprintf(text, size, "%s", LINE);
	later--;
	return true;
}

void command_run(struct cpu *cpu, enum command_source source, char *text, struct command_result *result)
{
	assert_ptr_equal(cpu, &one);
	assert_int_equal(source, COMMAND_GUEST);
	runs++;
	for (unsigned i = 0; i < at_once; i++) {
		line_to(LINE);
		log_rest();
	}
	*result = (struct command_result){.name = "name", .why = why, .more = later ? more : NULL};
}

void command_done(char *line, size_t size, const char *name, const char *reason)
{
	snprintf(line, size, "done %s %s", name, reason ? reason : "ok");
}

int64_t operator_take_text(struct vmcall *call, char text[TRAPLINE_TEXT_MAX + 1])
{
	assert_int_equal(held, 1);
	strcpy(text, given);
	return 0;
}

int64_t caller_write(struct vmcall *call, uint64_t linear, const void *from, uint64_t n, bool page_in)
{
	(void)call;
	(void)page_in;
	if (!write_error)
		memcpy((void *)linear, from, n);
	return write_error;
}

static struct cpu *on = &one; /* this CPU */

static void run_on(struct cpu *c)
{
	on = c;
	assert_int_equal(syscall(SYS_arch_prctl, ARCH_SET_GS, c), 0); /* this_cpu() */
}

/* One exit: the call, and what comes at its end. */
static int64_t once(vmcall_service *service, struct vmcall *call)
{
	int64_t result;

	call->cpu = on;
	result = service(call);
	answer_serve(on);
	return result;
}

/* Until the call is done, as the guest makes it. */
static int64_t all(vmcall_service *service, struct vmcall *call)
{
	int64_t result;

	for (unsigned i = 0; (result = once(service, call)) == VMCALL_AGAIN; i++)
		assert_in_range(i, 0, 100000);
	assert_int_equal(held, 0);
	return result;
}

static int64_t run(unsigned now, unsigned then)
{
	struct vmcall call = {0};

	at_once = now;
	later = then;
	return all(vmcall_command, &call);
}

static int64_t fetch(int64_t number, char *to, uint64_t room)
{
	struct vmcall call = {.arg = {(uint64_t)to, room, 0, (uint64_t)number, 0}};

	return all(vmcall_answer, &call);
}

/* Fetches the whole answer in pieces of `room` bytes. */
static char *whole(int64_t number, uint64_t room)
{
	static char text[1 << 20];
	size_t length = 0;
	int64_t n;

	while ((n = fetch(number, text + length, room)) > 0) {
		assert_true((uint64_t)n <= room && n <= 4096);
		length += (size_t)n;
		assert_true(length < sizeof(text) - room);
	}
	assert_int_equal(n, 0);
	text[length] = '\0';
	return text;
}

static unsigned count(const char *text, const char *part)
{
	unsigned n = 0;

	for (; (text = strstr(text, part)); text++)
		n++;
	return n;
}

static void test_pieces(void **state)
{
	(void)state;
	for (uint64_t room = 1; room < 10000; room = room * 3 + 1) {
		char *text;

		rests = room & 2;
		text = whole(run(5, 500), room);

		assert_int_equal(count(text, LINE "\n"), 505);
		assert_int_equal(count(text, "done name ok\n"), 1);
		assert_int_equal(strlen(text), 505 * sizeof(LINE) + sizeof("done name ok"));
	}
}

static void test_ends(void **state)
{
	(void)state;
	why = "no";
	assert_string_equal(whole(run(0, 0), 100), "done name no\n");
	why = NULL;
	assert_string_equal(whole(run(0, 0), 100), "done name ok\n");
}

static void test_too_much(void **state)
{
	char *text = whole(run(10000, 0), 4096), lost[80];
	unsigned there = count(text, LINE "\n");

	(void)state;
	assert_true(there > 900);
	snprintf(lost, sizeof(lost), "trapline: lost lines=%u\ndone name ok\n", 10000 - there);
	assert_int_equal(count(text, lost), 1);
}

static void test_another(void **state)
{
	char byte;
	int64_t first = run(1, 0), second = run(1, 0);

	(void)state;
	assert_true(first > 0 && second > 0 && first != second);
	assert_int_equal(fetch(first, &byte, 1), TRAPLINE_E_MISSING);
	assert_int_equal(fetch(0, &byte, 1), TRAPLINE_E_MISSING);
	assert_int_equal(fetch(second, &byte, 0), TRAPLINE_E_RANGE);
	assert_int_equal(fetch(second, &byte, 1), 1);
}

/* A fault, or a call while another CPU carries out a command, loses nothing. */
static void test_again(void **state)
{
	char bytes[8];
	int64_t number = run(1, 0);

	(void)state;
	assert_int_equal(fetch(number, bytes, 4), 4);
	write_error = TRAPLINE_E_FAULT;
	assert_int_equal(fetch(number, bytes, 4), TRAPLINE_E_FAULT);
	write_error = 0;
	busy = true;
	assert_true(vmcall_answer(&(struct vmcall){.cpu = &one, .arg = {0, 1, 0, (uint64_t)number}}) ==
		    VMCALL_AGAIN);
	assert_true(vmcall_command(&(struct vmcall){.cpu = &one}) == VMCALL_AGAIN);
	busy = false;
	assert_int_equal(fetch(number, bytes, 4), 4);
	assert_memory_equal(bytes, "4567", 4);
}

/* Each line takes an exit, and the command is carried out once. */
static void test_slices(void **state)
{
	struct vmcall call = {0};
	unsigned exits = 0;

	rests = true;
	at_once = 50;
	while (once(vmcall_command, &call) == VMCALL_AGAIN) {
		assert_int_equal(runs, 1);
		exits++;
	}
	assert_int_equal(exits, 51);
	assert_int_equal(runs, 1);
}

/* A handler between two slices gives the same command, and comes to its end first. Each gets its own answer's number. */
static void test_nested(void **state)
{
	struct vmcall call = {0}, inner = {0};
	int64_t number;

	rests = true;
	at_once = 5;
	assert_true(once(vmcall_command, &call) == VMCALL_AGAIN);
	rsp -= 256;
	number = all(vmcall_command, &inner);
	assert_int_equal(runs, 2);
	rsp += 256;
	assert_int_equal(all(vmcall_command, &call), number - 1);
	assert_int_equal(runs, 2);
}

/* Two processes whose calls do not differ otherwise: each has its own command carried out. */
static void test_processes(void **state)
{
	struct vmcall call = {.cpl = 3}, other = {.cpl = 3};
	int64_t number;

	rests = true;
	at_once = 5;
	assert_true(once(vmcall_command, &call) == VMCALL_AGAIN);
	cr3 = 0x1000;
	number = all(vmcall_command, &other);
	assert_int_equal(runs, 2);
	cr3 = 0;
	assert_int_equal(all(vmcall_command, &call), number - 1);
	assert_int_equal(runs, 2);
}

/* The task goes on on another CPU: the first one is woken, and carries the command out. */
static void test_moved(void **state)
{
	struct vmcall call = {0};
	uint64_t since = rdtsc();
	int64_t result;

	rests = true;
	at_once = 5;
	assert_true(once(vmcall_command, &call) == VMCALL_AGAIN);
	run_on(&two);
	usleep(20000);
	boot_info.tsc_khz = (rdtsc() - since) / 25; /* that was 25 ms */
	do {
		result = once(vmcall_command, &call);
		boot_info.tsc_khz = 1 << 30; /* it has been kicked in time */
		answer_serve(&one);
	} while (result == VMCALL_AGAIN);
	assert_in_range(kicks, 1, 10);
	assert_true(result > 0);
	assert_int_equal(runs, 1);
	assert_string_equal(strrchr(whole(result, 100), '\n') - strlen("done name ok"), "done name ok\n");
}

/* The first CPU never comes again: the command is given up, and others are carried out. */
static void test_given_up(void **state)
{
	struct vmcall call = {0};
	int64_t result;

	rests = true;
	at_once = 5;
	assert_true(once(vmcall_command, &call) == VMCALL_AGAIN);
	run_on(&two);
	boot_info.tsc_khz = 0;
	assert_true(once(vmcall_command, &call) == VMCALL_AGAIN);
	assert_int_equal(held, 0);
	boot_info.tsc_khz = 1 << 30;
	result = once(vmcall_command, &call);
	assert_true(result > 0);
	assert_non_null(strstr(whole(result, 4096), "done none that CPU does not answer"));
	run_on(&one);
	assert_false(answer_serve(&one));
	run(5, 0);
}

/* A command whose call does not come back in time is not taken for one that is given later. */
static void test_forgotten(void **state)
{
	struct vmcall call = {0};

	assert_true(once(vmcall_command, &call) == VMCALL_AGAIN);
	boot_info.tsc_khz = 0;
	assert_true(once(vmcall_command, &call) == VMCALL_AGAIN);
	boot_info.tsc_khz = 1 << 30;
	assert_int_equal(runs, 2);
	all(vmcall_command, &call);
	given = "other";
	all(vmcall_command, &call);
	assert_int_equal(runs, 3);
}

static int setup(void **state)
{
	boot_info.tsc_khz = 1 << 30;
	rests = busy = false;
	runs = kicks = at_once = later = 0;
	new_caller();
	given = "text";
	run_on(&one);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_pieces, setup),
		cmocka_unit_test_setup(test_ends, setup),
		cmocka_unit_test_setup(test_too_much, setup),
		cmocka_unit_test_setup(test_another, setup),
		cmocka_unit_test_setup(test_again, setup),
		cmocka_unit_test_setup(test_slices, setup),
		cmocka_unit_test_setup(test_nested, setup),
		cmocka_unit_test_setup(test_processes, setup),
		cmocka_unit_test_setup(test_moved, setup),
		cmocka_unit_test_setup(test_given_up, setup),
		cmocka_unit_test_setup(test_forgotten, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
