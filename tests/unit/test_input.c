// SPDX-License-Identifier: MIT
/* Bytes from a line that never stops: one call takes a bounded number, whoever has the line. And when a typed command begins. */
#include "unit.h"
#include <asm/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "apic/park.h"
#include "console/command.h"
#include "console/complete.h"
#include "console/debugger.h"
#include "console/input.h"
#include "console/slice.h"
#include "log/log.h"
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

void log_rest(void)
{
}

void log_lock(void)
{
}

void log_unlock(void)
{
}

uint32_t log_room(void)
{
	return UINT32_MAX;
}

/* In one piece. */
bool slice_begin(struct cpu *c, void (*work)(void))
{
	work();
	return true;
}

bool slice_go_on(void)
{
	return true;
}

void cpu_kick(struct cpu *c)
{
}

void command_complete(struct completion *c, const char *text, unsigned n)
{
}

void command_done(char *line, size_t size, const char *name, const char *why)
{
}

bool command_begin(void)
{
	return true;
}

void command_end(void)
{
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

void command_run(struct cpu *c, enum command_source source, char *text, struct command_result *result)
{
	commands++;
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

/* Typing and the first slice of the answer are two exits. Until the second no record is printed. Another CPU begins at once. */
static void begins_in_a_later_exit(void **state)
{
	static struct cpu cpu = {.self = &cpu}, other = {.self = &other};

	assert_int_equal(syscall(SYS_arch_prctl, ARCH_SET_GS, &cpu), 0); /* this_cpu() */
	boot_info.tsc_khz = UINT32_MAX;                                  /* it does not give up */
	input_give("help\r", 5);
	assert_true(input_turn());
	assert_true(input_run(&cpu));
	assert_int_equal(commands, 0);
	assert_true(input_turn());
	assert_true(input_run(&cpu));
	assert_int_equal(commands, 1);
	assert_true(input_turn()); /* the end of the answer */
	input_give("help\r", 5);
	assert_true(input_turn());
	assert_true(input_run(&other));
	assert_int_equal(commands, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(debugger_has_the_line),
		cmocka_unit_test(begins_in_a_later_exit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
