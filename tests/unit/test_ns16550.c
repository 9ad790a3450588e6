// SPDX-License-Identifier: MIT
/* The UART of the loader and of the VMM, by its registers. Here these are memory, four bytes apart, and hold what is written. */
#include "unit.h"
#include <string.h>
#include "hw/ns16550.h"

static uint32_t registers[8];
static const struct uart_port port = {.base = (uint64_t)registers, .memory = 1, .width = 4};

static void answers(void **state)
{
	memset(registers, 0, sizeof(registers));
	assert_true(ns16550_answers(&port));
}

/* Without a device all reads return ones. */
static void nobody_answers(void **state)
{
	memset(registers, 0xff, sizeof(registers));
	assert_false(ns16550_answers(&port));
	assert_int_equal(ns16550_status(&port), LSR_GONE);
	assert_int_equal(registers[NS16550_SCRATCH], 0xffffffff); /* nothing was tried */
}

static void opens(void **state)
{
	memset(registers, 0xff, sizeof(registers));
	ns16550_open(&port, 9600);
	assert_int_equal(registers[NS16550_DATA], 12);
	assert_int_equal(registers[NS16550_IER], 0); /* the divisor's upper half, and no interrupts */
	assert_int_equal(registers[NS16550_LCR], 3); /* 8N1, DLAB clear again */
	assert_int_equal(registers[NS16550_FCR], 0xc7);
	assert_int_equal(registers[NS16550_MCR], MCR_DTR | MCR_RTS);
	ns16550_open(&port, 300);
	assert_int_equal(registers[NS16550_DATA] | registers[NS16550_IER] << 8, 384);
}

/* A clock of 48 MHz, and a speed from the table. */
static void own_clock(void **state)
{
	struct uart_port fast = port;

	fast.rate = 3000000;
	fast.baud = 115200;
	assert_int_equal(ns16550_open(&fast, 9600), 3000000 / 26);
	assert_int_equal(registers[NS16550_DATA] | registers[NS16550_IER] << 8, 26);
	fast.baud = 0;
	ns16550_open(&fast, 50);
	assert_int_equal(registers[NS16550_DATA] | registers[NS16550_IER] << 8, 60000);
	fast.rate = 100; /* nothing can be divided by 0 */
	ns16550_open(&fast, 115200);
	assert_int_equal(registers[NS16550_DATA], 1);
}

static void speed_that_stays(void **state)
{
	struct uart_port set = port;

	set.as_is = 1;
	registers[NS16550_DATA] = 6; /* here also the divisor's */
	assert_int_equal(ns16550_open(&set, 9600), 19200);
	assert_int_equal(registers[NS16550_DATA], 6);
	registers[NS16550_DATA] = 0;
	assert_int_equal(ns16550_open(&set, 9600), 9600);
	assert_int_equal(registers[NS16550_DATA], 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(answers), cmocka_unit_test(nobody_answers),
		cmocka_unit_test(opens), cmocka_unit_test(own_clock), cmocka_unit_test(speed_that_stays)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
