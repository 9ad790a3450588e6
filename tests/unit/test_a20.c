// SPDX-License-Identifier: MIT
/*
 * Address line 20: whatever the guest writes to its gates, the hardware never gets a byte that switches the line off, and the
 * guest reads back its own byte.
 */
#include "unit.h"
#include "exit/a20.h"

#define PORT(n, bytes) (&(const struct exit_io){.port = (n), .size = (bytes)})

/* The byte that the hardware gets; ~0: none. */
static uint32_t written(uint16_t port, uint8_t size, uint32_t value)
{
	return a20_write(PORT(port, size), &value) ? value : ~0u;
}

static uint32_t seen(uint16_t port, uint8_t size, uint32_t value)
{
	return a20_read(PORT(port, size), value);
}

static void port_a(void **state)
{
	assert_int_equal(seen(0x92, 1, 0x02), 0x02);
	assert_int_equal(written(0x92, 1, 0x00), 0x02);
	assert_int_equal(seen(0x92, 1, 0x02), 0x00);
	assert_int_equal(seen(0x91, 2, 0x0202), 0x0002);
	assert_int_equal(written(0x91, 2, 0x0200), 0x0200);
	assert_int_equal(seen(0x92, 1, 0x02), 0x02);
	assert_int_equal(written(0x90, 4, 0x44003322), 0x44023322);
	assert_int_equal(seen(0x93, 1, 0xff), 0xff);
	assert_int_equal(written(0x92, 1, 0x02), 0x02);
}

static void output_port(void **state)
{
	assert_false(a20_is_port(0x60, 1));
	assert_int_equal(written(0x60, 1, 0xdd), 0xdd); /* a byte for the keyboard */
	assert_int_equal(written(0x64, 1, 0xd1), 0xd1);
	assert_true(a20_wants_data() && a20_is_port(0x60, 1));
	assert_int_equal(written(0x60, 1, 0xdd), 0xdf);
	assert_false(a20_wants_data());
	assert_int_equal(seen(0x60, 1, 0xff), 0xff); /* a key */
	assert_int_equal(written(0x64, 1, 0xd0), 0xd0);
	assert_int_equal(seen(0x60, 1, 0xdf), 0xdd);
	assert_int_equal(seen(0x60, 1, 0xdf), 0xdf);
	written(0x64, 1, 0xd1);
	assert_int_equal(written(0x64, 1, 0xae), 0xae); /* another command replaces it */
	assert_int_equal(written(0x60, 1, 0x00), 0x00);
	written(0x64, 1, 0xd1);
	assert_int_equal(written(0x60, 1, 0xdf), 0xdf);
	written(0x64, 1, 0xd0);
	assert_int_equal(seen(0x60, 1, 0xdf), 0xdf);
}

static void commands(void **state)
{
	assert_int_equal(written(0x64, 1, 0xdd), ~0u);
	written(0x64, 1, 0xd0);
	assert_int_equal(seen(0x60, 1, 0xdf), 0xdd);
	assert_int_equal(written(0x64, 1, 0xdf), 0xdf);
	written(0x64, 1, 0xd0);
	assert_int_equal(seen(0x60, 1, 0xdf), 0xdf);
	assert_int_equal(written(0x64, 1, 0xfe), 0xfe); /* a reset */
	assert_int_equal(written(0x64, 1, 0xfd), 0xff); /* a pulse of the line */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(port_a),
		cmocka_unit_test(output_port),
		cmocka_unit_test(commands),
	};

	return cmocka_run_group_tests_name("a20", tests, NULL, NULL);
}
