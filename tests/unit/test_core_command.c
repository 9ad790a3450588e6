// SPDX-License-Identifier: MIT
/* The command core stops the guest for a moment, and leaves it stopped if anybody else wants that. The source is included. */
#include "unit.h"
#include "apic/park.h"
#include "console/core.c"

struct boot_info boot_info = {.cpus = 1};
static struct cpu cpu;
struct cpu *cpus[BOOT_MAX_CPUS] = {&cpu};
static bool catches;

void cpu_kick(struct cpu *c)
{
}

void cpu_kick_others(const struct cpu *self)
{
}

void stopping_wait(const struct cpu *self)
{
}

bool report_try(void)
{
	return true;
}

void report_end(void)
{
}

void log_reply(const char *fmt, ...)
{
}

/* Meanwhile another CPU may have an exception that the operator wants to see. */
struct core_kept core_keep(struct cpu *c, const struct trap_record *at)
{
	assert_true(pause_wanted());
	if (catches)
		pause_begin(c);
	return (struct core_kept){4096, 1, 1};
}

static void keep(bool caught)
{
	struct command_call call = {.cpu = &cpu};

	catches = caught;
	assert_null(command_core(&call));
}

static void runs_on(void **state)
{
	keep(false);
	assert_false(pause_wanted());
}

static void was_stopped(void **state)
{
	pause_begin(&cpu);
	keep(false);
	assert_true(pause_wanted());
	assert_true(pause_end());
}

static void caught_meanwhile(void **state)
{
	keep(true);
	assert_true(pause_wanted());
	assert_true(pause_end());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_on),
		cmocka_unit_test(was_stopped),
		cmocka_unit_test(caught_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
