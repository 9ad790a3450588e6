// SPDX-License-Identifier: MIT
/*
 * IRQ 13 on a CPU without FERR#: the vector that the guest chose, and its end of interrupt, which the 8259s must not get,
 * while they get all others. The source is included; its ports are an array here.
 */
#include "unit.h"
#include "hw/asm.h"

static uint8_t ports[256], isr_of[2];

static uint8_t fake_inb(uint16_t port)
{
	if (port == 0x20 || port == 0xa0)
		return ports[port] == 0x0b ? isr_of[port == 0xa0] : 0;
	return ports[port];
}

static void fake_outb(uint16_t port, uint8_t value)
{
	ports[port] = value;
}

#define inb  fake_inb
#define outb fake_outb
#include "exit/pic.c"

static void give_vectors_by(uint8_t value, uint8_t first, uint8_t fourth)
{
	assert_true(pic_write(0xa0, first));
	assert_true(pic_write(0xa1, value));
	assert_true(pic_write(0xa1, 2));
	assert_true(pic_write(0xa1, fourth));
	assert_true(pic_write(0xa1, 0xdf));
}

static void give_vectors(uint8_t value)
{
	give_vectors_by(value, 0x11, 1);
}

static void vector(void **state)
{
	assert_int_equal(pic_vector(), PIC_NOT_KNOWN);
	assert_true(pic_write(0xa1, 0x20)); /* a mask */
	assert_int_equal(pic_vector(), PIC_NOT_KNOWN);
	give_vectors(0x70);
	assert_int_equal(pic_vector(), 0x75);
	give_vectors(0x28);
	assert_int_equal(pic_vector(), 0x2d);
}

static void masks(void **state)
{
	ports[0x21] = 0xfb;
	ports[0xa1] = 0xdf;
	assert_true(pic_is_open());
	ports[0x21] = 0x04;
	assert_false(pic_is_open());
	ports[0x21] = 0;
	ports[0xa1] = 0x20;
	assert_false(pic_is_open());
	ports[0xa1] = 0;
}

/* Ours are removed. Those of interrupts with a higher priority that came in between are the controllers'. */
static void ends_of_interrupt(void **state)
{
	assert_true(pic_write(0xa0, 0x20) && pic_write(0x20, 0x20));
	pic_taken();
	assert_false(pic_is_open());
	assert_true(pic_wants_master());
	isr_of[0] = 1; /* IRQ 0 */
	assert_true(pic_write(0x20, 0x20));
	isr_of[0] = 0;
	assert_true(pic_write(0xa0, 0x61)); /* of IRQ 9 */
	assert_false(pic_write(0xa0, 0x20));
	assert_false(pic_write(0x20, 0x20));
	assert_false(pic_wants_master());
	assert_true(pic_is_open());
	assert_true(pic_write(0xa0, 0x20) && pic_write(0x20, 0x20));
	pic_taken();
	assert_false(pic_write(0xa0, 0x65) || pic_write(0x20, 0x62)); /* by their numbers */
	assert_true(pic_is_open());
}

/* Automatic end of interrupt: the guest sends none. 8259A data sheet, ICW4.AEOI. */
static void automatic_ends(void **state)
{
	give_vectors_by(0x70, 0x11, 3);
	assert_int_equal(pic_vector(), 0x75);
	pic_taken();
	assert_true(pic_is_open()); /* the slave's interrupt is over when it is accepted */
	assert_true(pic_write(0xa0, 0x20));
	assert_true(pic_write(0x20, 0x11)); /* the master's part of our interrupt is over */

	give_vectors_by(0x70, 0x11, 1);
	pic_taken();
	assert_false(pic_is_open());
	assert_false(pic_write(0xa0, 0x20)); /* the master's may be automatic, which cannot be seen */
	assert_true(pic_is_open());
	assert_false(pic_write(0x20, 0x20));
}

/* The first word says which words follow it. */
static void words_of_initialization(void **state)
{
	give_vectors_by(0x70, 0x10, 3); /* no fourth: the 3 is a mask */
	pic_taken();
	assert_false(pic_is_open());
	assert_false(pic_write(0xa0, 0x20));

	assert_true(pic_write(0xa0, 0x13) && pic_write(0xa1, 0x48)); /* alone: no third */
	assert_true(pic_write(0xa1, 3));
	assert_int_equal(pic_vector(), 0x4d);
	pic_taken();
	assert_true(pic_is_open());

	assert_true(pic_write(0xa0, 0x12)); /* neither: the 3 is a mask once more */
	assert_true(pic_write(0xa1, 0x70) && pic_write(0xa1, 3));
	pic_taken();
	assert_false(pic_is_open());
	give_vectors(0x70);
	assert_true(pic_write(0x20, 0x11));
}

static void ignored_error(void **state)
{
	assert_true(pic_write(0xf0, 0));
	assert_false(pic_ignores_error());
	pic_taken();
	assert_false(pic_ignores_error());
	pic_write(0xf0, 0);
	assert_true(pic_ignores_error());
	pic_write(0xa0, 0x20);
	assert_false(pic_ignores_error());
	pic_taken();
	give_vectors(0x70); /* the initialisation clears what was in service */
	assert_true(pic_write(0xa0, 0x20));
	assert_true(pic_write(0x20, 0x11));
	assert_true(pic_is_open());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vector),
		cmocka_unit_test(masks),
		cmocka_unit_test(ends_of_interrupt),
		cmocka_unit_test(automatic_ends),
		cmocka_unit_test(words_of_initialization),
		cmocka_unit_test(ignored_error),
	};

	return cmocka_run_group_tests_name("pic", tests, NULL, NULL);
}
