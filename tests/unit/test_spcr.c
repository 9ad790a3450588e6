// SPDX-License-Identifier: MIT
/* The SPCR table: the UART that it names, and UARTs that Trapline cannot drive. */
#include <stdbool.h>
#include <string.h>
#include "spcr.h"
#include "unit.h"

#define LENGTH 80

/* All other bytes are 0. */
struct fields {
	uint8_t type, space, access;
	uint64_t address;
	uint16_t device; /* PCI's; 0xffff: none */
	uint8_t bus, slot, function, segment;
};

static const uint8_t *table(const struct fields *f)
{
	static uint8_t t[LENGTH];

	memset(t, 0, sizeof(t));
	t[36] = f->type;
	t[40] = f->space;
	t[43] = f->access;
	memcpy(t + 44, &f->address, 8);
	memcpy(t + 64, &f->device, 2);
	t[68] = f->bus;
	t[69] = f->slot;
	t[70] = f->function;
	t[75] = f->segment;
	return t;
}

static void test_taken(void **state)
{
	static const struct {
		struct fields fields;
		struct uart_port port;
	} rows[] = {
		{{0, 1, 0, 0x2f8, 0xffff, 0, 0, 0, 0}, {.base = 0x2f8, .width = 1, .as_is = 1}},
		{{1, 1, 1, 0x3f8, 0xffff, 0, 0, 0, 0}, {.base = 0x3f8, .width = 1, .as_is = 1}},
		{{0, 1, 3, 0xfff8, 0xffff, 0, 0, 0, 0}, {.base = 0xfff8, .width = 1, .as_is = 1}},
		{{0, 0, 1, 0xfe000000, 0xffff, 0, 0, 0, 0},
			{.base = 0xfe000000, .memory = 1, .width = 1, .as_is = 1}},
		{{0x12, 0, 2, 0xfe000000, 0xffff, 0, 0, 0, 0},
			{.base = 0xfe000000, .memory = 1, .width = 2, .as_is = 1}},
		{{0x12, 0, 3, 0x4000000000, 0x1234, 3, 0x1e, 2, 0}, {.base = 0x4000000000,
									    .memory = 1,
									    .width = 4,
									    .as_is = 1,
									    .pci = 1,
									    .function = 0x3f2}},
		/* another segment's function is not hidden; the UART is the same */
		{{0, 1, 1, 0x6000, 0x1234, 3, 0x1e, 2, 1}, {.base = 0x6000, .width = 1, .as_is = 1}},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct uart_port port;

		memset(&port, 0xaa, sizeof(port));
		if (!spcr_parse(table(&rows[i].fields), LENGTH, &port))
			fail_msg("row %u is refused", i);
		if (memcmp(&port, &rows[i].port, sizeof(port)))
			fail_msg("row %u: base=%lx memory=%u width=%u pci=%u function=%x", i, port.base,
				port.memory, port.width, port.pci, port.function);
	}
}

/* The table's own speed and clock, if they are possible. */
static void test_speed(void **state)
{
	static const struct {
		uint8_t revision, code;
		uint32_t clock, precise;
		struct uart_port port;
	} rows[] = {
		{1, 3, 0, 0, {.baud = 9600}}, {1, 4, 0, 0, {.baud = 19200}}, {2, 6, 0, 0, {.baud = 57600}},
		{2, 7, 0, 0, {.baud = 115200}}, {2, 0, 0, 0, {.as_is = 1}},
		{2, 5, 0, 0, {.as_is = 1}}, /* no speed of the table's */
		{2, 200, 0, 0, {.as_is = 1}}, {2, 7, 48000000, 0, {.baud = 115200, .rate = 3000000}},
		{2, 0, 48000000, 0, {.as_is = 1, .rate = 3000000}},
		{2, 7, 0xffffffff, 0, {.baud = 115200}}, /* 4 GHz: nobody's */
		{2, 7, 1600, 0, {.rate = 100}},          /* such a clock makes no such speed */
		{3, 3, 0, 921600, {.baud = 9600}},       /* behind the older table's end */
		{4, 3, 48000000, 921600, {.baud = 921600, .rate = 3000000}}, {4, 3, 0, 0, {.baud = 9600}},
		{4, 3, 0, 921600, {0}}, /* more than a PC's clock makes: the configuration's */
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t t[LENGTH + 4];
		struct uart_port port, wanted = rows[i].port;

		memcpy(t, table(&(struct fields){0, 1, 0, 0x2f8, 0xffff, 0, 0, 0, 0}), LENGTH);
		t[8] = rows[i].revision;
		t[58] = rows[i].code;
		memcpy(t + 76, &rows[i].clock, 4);
		memcpy(t + 80, &rows[i].precise, 4);
		wanted.base = 0x2f8;
		wanted.width = 1;
		assert_true(spcr_parse(t, sizeof(t), &port));
		if (memcmp(&port, &wanted, sizeof(port)))
			fail_msg("row %u: baud=%u rate=%u as_is=%u", i, port.baud, port.rate, port.as_is);
	}
}

static void test_refused(void **state)
{
	static const struct fields rows[] = {
		{0, 1, 1, 0, 0xffff, 0, 0, 0, 0},          /* redirection is off */
		{3, 0, 3, 0xfe000000, 0xffff, 0, 0, 0, 0}, /* an ARM PL011 */
		{0, 2, 1, 0x2f8, 0xffff, 0, 0, 0, 0},      /* in configuration space */
		{0, 0, 4, 0xfe000000, 0xffff, 0, 0, 0, 0}, /* 64 bits */
		{0, 0, 9, 0xfe000000, 0xffff, 0, 0, 0, 0},
		{0, 1, 1, 0xfff9, 0xffff, 0, 0, 0, 0}, /* the last register is beyond the ports */
	};
	static const struct fields good = {0, 1, 0, 0x2f8, 0xffff, 0, 0, 0, 0};
	struct uart_port port = {.base = 1};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		if (spcr_parse(table(&rows[i]), LENGTH, &port) || port.base != 1)
			fail_msg("row %u is taken", i);
	assert_false(spcr_parse(table(&good), LENGTH - 1, &port));
	assert_true(spcr_parse(table(&good), LENGTH, &port));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_speed),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
