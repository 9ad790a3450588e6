// SPDX-License-Identifier: MIT
/* Stopping the guest, and a guest that has died. */
#include "unit.h"
#include <signal.h>
#include "apic/park.h"
#include "apic/pause.h"
#include "hw/x86.h"

struct boot_info boot_info = {.cpus = 1};
static struct cpu cpu;
struct cpu *cpus[BOOT_MAX_CPUS] = {&cpu};
static _Atomic unsigned kicks;

void cpu_kick_others(const struct cpu *self)
{
	kicks++;
}

void cpu_kick(struct cpu *c)
{
	kicks++;
}

static void stops_and_goes(void **state)
{
	pause_begin(&cpu);
	pause_begin(&cpu);
	assert_true(pause_wanted());
	assert_int_equal(kicks, 1);
	assert_true(pause_end());
	assert_false(pause_wanted());
}

/* One CPU runs while the others stay, until it has to stop again. */
static void releases(void **state)
{
	pause_begin(&cpu);
	assert_true(pause_holds(&cpu));
	assert_false(pause_lets_any());
	pause_release(&cpu);
	assert_false(pause_holds(&cpu));
	assert_true(pause_wanted() && pause_lets_any());
	kicks = 0;
	pause_begin(&cpu);
	assert_true(pause_holds(&cpu));
	assert_int_equal(kicks, 1);
	assert_true(pause_end());
	assert_false(pause_holds(&cpu));
}

/* What the command core needs, while an exception may be caught or a debugger may stop the guest: neither knows of the other. */
static void ends_its_own(void **state)
{
	uint32_t own = pause_begin_own(&cpu);

	assert_true(pause_holds(&cpu));
	pause_end_own(own);
	assert_false(pause_wanted());
	own = pause_begin_own(&cpu);
	pause_begin(&cpu); /* another CPU catches */
	pause_end_own(own);
	assert_true(pause_holds(&cpu));
	assert_int_equal(pause_begin_own(&cpu), 0); /* it has stopped already */
	pause_end_own(0);
	assert_true(pause_holds(&cpu));
	assert_true(pause_end());
	own = pause_begin_own(&cpu);
	assert_true(pause_end()); /* the operator's go */
	pause_begin(&cpu);
	pause_end_own(own);
	assert_true(pause_end());
}

static struct trap_record death;
static volatile int steps; /* instructions until the guest dies */

static void on_step(int signal)
{
	if (!steps--)
		pause_for_good(&cpu, &death);
}

static void release(void)
{
	pause_release(&cpu);
}

static void end(void)
{
	pause_end();
}

/* Calls it with single steps. The guest dies on another CPU after so many of its instructions. Returns whether there are as many. */
static bool dies_in(void (*call)(void), int after)
{
	steps = after;
	__builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() | RFLAGS_TF);
	call();
	__builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() & ~(uint64_t)RFLAGS_TF);
	return steps < 0;
}

/* The guest dies on one CPU while another one lets it run: wherever that one is, the dead guest stays stopped. */
static void dies_meanwhile(void **state)
{
	static void (*const calls[])(void) = {release, end};

	signal(SIGTRAP, on_step);
	for (unsigned n = 0; n < ARRAY_SIZE(calls); n++) {
		int after = 0;

		for (bool died = true; died; after++) {
			pause_begin(&cpu);
			died = dies_in(calls[n], after);
			assert_int_equal(died, pause_holds(&cpu));
			pause_over();
		}
		assert_true(after > 10);
	}
	signal(SIGTRAP, SIG_DFL);
}

/* The last test: it cannot be undone. */
static void stays(void **state)
{
	struct trap_record r = {.rip = 0x1234};

	pause_for_good(&cpu, &r);
	assert_true(pause_wanted());
	assert_true(pause_has(&cpu));
	assert_int_equal(pause_where(&cpu)->rip, 0x1234);
	assert_false(pause_end());
	assert_true(pause_wanted());
	pause_release(&cpu);
	assert_true(pause_holds(&cpu));
	pause_over(); /* what ran here is gone */
	assert_false(pause_wanted());
	assert_true(pause_end());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stops_and_goes),
		cmocka_unit_test(releases),
		cmocka_unit_test(ends_its_own),
		cmocka_unit_test(dies_meanwhile),
		cmocka_unit_test(stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
