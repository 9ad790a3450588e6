// SPDX-License-Identifier: MIT
/* Stopping the guest, and a guest that has died. */
#include "unit.h"
#include "apic/park.h"
#include "apic/pause.h"

static struct cpu cpu;
static unsigned kicks;

void cpu_kick_others(const struct cpu *self)
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
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stops_and_goes),
		cmocka_unit_test(stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
