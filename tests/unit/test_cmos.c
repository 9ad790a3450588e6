// SPDX-License-Identifier: MIT
/*
 * The verdict in the RTC's CMOS: only a complete note is accepted, and the guest finds the index register unchanged. The source is
 * included; its ports are a simulated RTC.
 */
#include <stdlib.h>
#include <string.h>
#include "unit.h"
#include "lib/array.h"
#include "hw/asm.h"

/* A simulated RTC. */
static struct {
	uint8_t index, cmos[128];
	uint8_t no_nmi; /* the last value of bit 7 */
	unsigned nmi_changes, writes;
} fake;

static uint8_t fake_inb(uint16_t port)
{
	return port == 0x71 ? fake.cmos[fake.index & 0x7f] : fake.no_nmi | 0x7f;
}

static void fake_outb(uint16_t port, uint8_t value)
{
	fake.writes++;
	if (port == 0x71) {
		fake.cmos[fake.index & 0x7f] = value;
		return;
	}
	fake.nmi_changes += (value & 0x80) != fake.no_nmi;
	fake.no_nmi = value & 0x80;
	fake.index = value;
}

#define inb  fake_inb
#define outb fake_outb
#include "log/cmos.c"

#define AT 64

struct boot_info boot_info;

static int setup(void **state)
{
	memset(&fake, 0, sizeof(fake));
	memset(fake.cmos, 0xee, sizeof(fake.cmos));
	index_known = left = false;
	boot_info.config.cmos = AT;
	return 0;
}

static struct trap_record record(void)
{
	return (struct trap_record){.vector = 14,
		.rip = 0xffffffff81001005,
		.cr2 = 0x30,
		.flags = TRAP_HAS_CR2 | TRAP_HAS_ERROR,
		.cpl = 3};
}

static uint64_t number(const uint8_t bytes[8])
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static struct cmos_note kept(void)
{
	struct cmos_note n;

	memcpy(&n, fake.cmos + AT, sizeof(n));
	return n;
}

static void leaves_a_note(void **state)
{
	struct trap_record r = record();

	cmos_leave(&r, CMOS_RESET);
	struct cmos_note n = kept();
	assert_true(cmos_note_valid(&n));
	assert_int_equal(n.vector, 14);
	assert_int_equal(n.flags, CMOS_HAS_CR2 | CMOS_USER | CMOS_RESET);
	assert_int_equal(number(n.rip), 0xffffffff81001005);
	assert_int_equal(number(n.cr2), 0x30);
	for (unsigned i = 0; i < sizeof(fake.cmos); i++)
		if (i < AT || i >= AT + CMOS_NOTE_SIZE)
			assert_int_equal(fake.cmos[i], 0xee);
}

static void off_by_default(void **state)
{
	struct trap_record r = record();

	boot_info.config.cmos = 0;
	cmos_leave(&r, 0);
	assert_int_equal(fake.writes, 0);
	assert_false(cmos_is_port(CMOS_INDEX, 1));
}

/* For other vectors CR2 belongs to an earlier fault. */
static void no_cr2(void **state)
{
	struct trap_record r = record();

	r.vector = 13;
	r.flags = TRAP_HAS_ERROR;
	cmos_leave(&r, 0);
	struct cmos_note n = kept();
	assert_true(cmos_note_valid(&n));
	assert_int_equal(n.flags & CMOS_HAS_CR2, 0);
	assert_int_equal(number(n.cr2), 0);
}

/* After the guest has selected a register, its data access reaches that register, whether a note was written or not; bit 7 stays as the guest set it. */
static void index_is_put_back(void **state)
{
	static const struct {
		unsigned port, size;
		uint32_t value;
		uint8_t index;
	} rows[] = {
		{0x70, 1, 0x0a, 0x0a},
		{0x70, 1, 0x8b, 0x8b},   /* with NMIs off */
		{0x70, 2, 0x1234, 0x34}, /* index and data in one OUT */
		{0x6f, 2, 0x5600, 0x56},
		{0x6e, 4, 0x00590000, 0x59},
	};
	struct trap_record r = record();

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_true(cmos_is_port(rows[i].port, rows[i].size));
		cmos_written(rows[i].port, rows[i].size, rows[i].value);
		fake.nmi_changes = 0;
		fake.no_nmi = rows[i].index & CMOS_NO_NMI;
		cmos_leave(&r, 0);
		assert_int_equal(fake.index, rows[i].index);
		assert_int_equal(fake.nmi_changes, 0);
	}
	cmos_written(0x71, 1, 0x99); /* data does not change the index */
	cmos_leave(&r, 0);
	assert_int_equal(fake.index, 0x59);
	assert_false(cmos_is_port(0x6f, 1));
	assert_false(cmos_is_port(0x72, 2));
	assert_true(cmos_is_port(0x71, 1));
}

/* Before the guest has written anything, bit 7 is the value that can be read. */
static void index_of_the_firmware(void **state)
{
	struct trap_record r = record();

	fake.no_nmi = CMOS_NO_NMI;
	cmos_leave(&r, 0);
	assert_int_equal(fake.index, CMOS_NO_NMI | CMOS_AT_REST);
	assert_int_equal(fake.nmi_changes, 0);
}

static void only_whole_notes(void **state)
{
	struct trap_record r = record();
	struct cmos_note good, n;

	cmos_leave(&r, 0);
	good = kept();
	for (unsigned bit = 0; bit < CMOS_NOTE_SIZE * 8; bit++) {
		n = good;
		((uint8_t *)&n)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(cmos_note_valid(&n));
	}
	n = good;
	n.vector = 32; /* a vector without a name */
	cmos_note_seal(&n);
	assert_false(cmos_note_valid(&n));
	n = good;
	n.flags = 0x10;
	cmos_note_seal(&n);
	assert_false(cmos_note_valid(&n));
	memset(&n, 0, sizeof(n));
	assert_true(cmos_note_blank(&n) && !cmos_note_valid(&n));
	memset(&n, 0xff, sizeof(n));
	assert_true(cmos_note_blank(&n) && !cmos_note_valid(&n));
	memset(&n, 0x55, sizeof(n));
	assert_false(cmos_note_blank(&n) || cmos_note_valid(&n));
}

/* Half written at power-off: the beginning of the new note and the end of the old one are not a note. */
static void half_a_note(void **state)
{
	struct trap_record r = record();
	struct cmos_note old, new, n;

	cmos_leave(&r, 0);
	old = kept();
	r.rip = 0x1234;
	r.cr2 = 0x5678;
	cmos_leave(&r, 0);
	new = kept();
	for (unsigned cut = 4; cut < CMOS_NOTE_SIZE - 1; cut++) {
		memcpy(&n, &old, sizeof(n));
		memcpy(&n, &new, cut);
		assert_false(cmos_note_valid(&n));
	}
}

/* The machine continued after the note, and was shut down. A note that this run did not write stays. */
static void taken_back(void **state)
{
	struct trap_record r = record();

	cmos_forget();
	assert_int_equal(fake.writes, 0);
	cmos_leave(&r, 0);
	cmos_forget();
	struct cmos_note n = kept();
	assert_true(cmos_note_blank(&n));
	fake.writes = 0;
	cmos_forget();
	assert_int_equal(fake.writes, 0);
}

/* Nothing is written if the guest's index is unknown. */
static void given_up(void **state)
{
	struct trap_record r = record();

	cmos_leave(&r, 0);
	cmos_give_up();
	fake.writes = 0;
	assert_false(cmos_is_port(CMOS_INDEX, 1));
	cmos_leave(&r, 0);
	cmos_forget();
	assert_int_equal(fake.writes, 0);
}

/* A CPU that was parked in the middle of an access does not prevent the note. */
static void lock_of_a_dead_cpu(void **state)
{
	struct trap_record r = record();

	cmos_begin();
	cmos_leave(&r, 0);
	struct cmos_note n = kept();
	assert_true(cmos_note_valid(&n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(leaves_a_note, setup),
		cmocka_unit_test_setup(off_by_default, setup),
		cmocka_unit_test_setup(no_cr2, setup),
		cmocka_unit_test_setup(index_is_put_back, setup),
		cmocka_unit_test_setup(index_of_the_firmware, setup),
		cmocka_unit_test_setup(only_whole_notes, setup),
		cmocka_unit_test_setup(half_a_note, setup),
		cmocka_unit_test_setup(taken_back, setup),
		cmocka_unit_test_setup(given_up, setup),
		cmocka_unit_test_setup(lock_of_a_dead_cpu, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
