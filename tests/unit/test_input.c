// SPDX-License-Identifier: MIT
/* Bytes from a line that never stops: one call takes a bounded number, whoever has the line. And when a typed command begins. */
#include "unit.h"
#include <asm/prctl.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include "apic/park.h"
#include "console/command.h"
#include "console/complete.h"
#include "console/debugger.h"
#include "console/input.h"
#include "console/slice.h"
#include "fake_log.h"
#include "log/uart.h"

#define MOST 1024

struct boot_info boot_info;
struct cpu *cpus[BOOT_MAX_CPUS];

static unsigned got;

bool uart_get(char *byte)
{
	assert_in_range(++got, 0, MOST);
	*byte = '+';
	return true;
}

uint64_t uart_overruns(void)
{
	return 0;
}

void log_put(const char *bytes, size_t n)
{
}

void log_put_line(const char *line)
{
}

/* With `rests` an answer has a stack of its own, as on the machine. */
static bool rests, sliced, busy;
static unsigned lines, held;
static ucontext_t inside, outside;
static void (*work_inside)(void);
static char why_buffer[8], said[8];

void log_rest(void)
{
	if (rests)
		swapcontext(&inside, &outside);
}

static void start(void)
{
	work_inside();
	sliced = true;
	swapcontext(&inside, &outside);
}

bool slice_go_on(enum slice_stack which)
{
	swapcontext(&outside, &inside);
	return sliced;
}

bool slice_begin(enum slice_stack which, struct cpu *c, void (*work)(void))
{
	static char stack[1 << 16];

	if (!rests) {
		work();
		return true;
	}
	work_inside = work;
	sliced = false;
	getcontext(&inside);
	inside.uc_stack.ss_sp = stack;
	inside.uc_stack.ss_size = sizeof(stack);
	makecontext(&inside, start, 0);
	return slice_go_on(which);
}

void cpu_kick(struct cpu *c)
{
}

void command_complete(struct completion *c, const char *text, unsigned n)
{
}

void command_done(char *line, size_t size, const char *name, const char *why)
{
	strcpy(said, why ? why : "");
}

bool command_begin(void)
{
	held += !busy;
	return !busy;
}

void command_end(void)
{
	held--;
}

uint32_t command_place(const char *text)
{
	return COMMAND_ANYWHERE;
}

uint32_t command_next(const char *text, uint32_t n)
{
	return COMMAND_ANYWHERE;
}

static unsigned commands;

static bool more(enum command_source source, char *text, size_t size)
{
	assert_int_equal(held, 1);
	text[0] = 0;
	return lines && lines--;
}

void command_run(struct cpu *c, enum command_source source, char *text, struct command_result *result)
{
	commands++;
	*result = (struct command_result){.more = rests ? more : NULL, .why = rests ? why_buffer : NULL};
}

static bool takes_key(char c)
{
	return true;
}

static bool no(void)
{
	return false;
}

/* A debugger takes every byte, so that the place for keys is never full. */
static void debugger_has_the_line(void **state)
{
	static const struct debugger d = {.key = takes_key, .is_in_a_hurry = no, .is_busy = no};

	debugger_set(&d);
	assert_true(input_receive());
	assert_int_equal(got, MOST);
}

/* The guest is where it was interrupted only in the exit that took the last key, so the command begins there. */
static void begins_at_once(void **state)
{
	static struct cpu cpu = {.self = &cpu};

	assert_int_equal(syscall(SYS_arch_prctl, ARCH_SET_GS, &cpu), 0); /* this_cpu() */
	boot_info.tsc_khz = UINT32_MAX;                                  /* it does not give up */
	input_give("help\r", 5);
	assert_true(input_turn());
	assert_true(input_run(&cpu));
	assert_int_equal(commands, 1);
	assert_true(input_turn()); /* the end of the answer */
}

/* Between the lines of an answer others give commands; while one does, the answer waits. Theirs do not change its reason. */
static void lets_others_in(void **state)
{
	static struct cpu other = {.self = &other};

	rests = true;
	input_output = INPUT_LOGFMT;
	lines = 2;
	strcpy(why_buffer, "first");
	input_give("help\r", 5);
	assert_true(input_turn());
	assert_true(input_run(&other));
	assert_int_equal(lines, 1);
	assert_int_equal(held, 0);
	busy = true;
	assert_true(input_run(&other));
	assert_int_equal(lines, 1);
	busy = false;
	assert_true(input_run(&other));
	assert_int_equal(lines, 0);
	assert_true(input_run(&other));
	assert_int_equal(held, 0);
	strcpy(why_buffer, "second");
	assert_true(input_turn());
	assert_string_equal(said, "first");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(debugger_has_the_line),
		cmocka_unit_test(begins_at_once),
		cmocka_unit_test(lets_others_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
