// SPDX-License-Identifier: MIT
#include "exit/pic.h"
#include "hw/asm.h"

#define MASTER_MASK   0x21
#define INITIALIZE    0x10 /* ICW1 */
#define SINGLE        0x02 /* of ICW1: no ICW3 follows */
#define FOURTH        0x01 /* of ICW1: ICW4 follows */
#define AUTOMATIC     0x02 /* of ICW4: automatic end of interrupt */
#define CASCADE       2    /* of the master: the slave's input */
#define IRQ13         5    /* of the slave: its input */
#define EOI           0x20
#define ROTATES       0x80 /* with either: priorities, which are not tracked here */
#define EOI_OF(level) (0x60 | (level))
#define READ_ISR      0x0b /* OCW3 */
#define READ_IRR      0x0a
#define HIGHER(level) ((1u << (level)) - 1)

static bool known, ignores, serving[2]; /* of the master, of the slave */
static uint8_t base;
static struct {
	uint8_t first;
	unsigned next; /* number of the next initialization word, 2 to 4; 0: none is expected */
	bool automatic;
} slave;

int pic_vector(void)
{
	return known ? base + IRQ13 : PIC_NOT_KNOWN;
}

/*
 * Does not test whether the master serves the slave. With automatic ends of interrupt it never does, and only its data port would show that
 * mode.
 */
bool pic_is_open(void)
{
	return !serving[1] && !(inb(MASTER_MASK) & 1u << CASCADE) && !(inb(PIC_SLAVE_DATA) & 1u << IRQ13);
}

void pic_taken(void)
{
	serving[0] = true;
	serving[1] = !slave.automatic;
	ignores = false;
}

bool pic_ignores_error(void)
{
	return ignores;
}

bool pic_wants_master(void)
{
	return serving[0];
}

/* An unspecific end of interrupt is for the highest priority in service, which may be an interrupt of the controller above ours. */
static bool is_higher(uint16_t command, unsigned level)
{
	uint8_t in_service;

	outb(command, READ_ISR);
	in_service = inb(command);
	outb(command, READ_IRR);
	return in_service & HIGHER(level);
}

static bool ends(uint16_t command, uint8_t value, unsigned level, bool *served)
{
	value &= (uint8_t)~ROTATES;
	if (!*served || !(value == EOI_OF(level) || (value == EOI && !is_higher(command, level))))
		return false;
	*served = false;
	return true;
}

static bool write_slave(uint8_t value)
{
	if (value & INITIALIZE) {
		slave.first = value;
		slave.next = 2;
		slave.automatic = serving[1] = ignores = false;
		return true;
	}
	if (!ends(PIC_SLAVE, value, IRQ13, &serving[1]))
		return true;
	ignores = false;
	return false;
}

static unsigned fourth_word(void)
{
	return slave.first & FOURTH ? 4 : 0;
}

/* Handles initialization words in their order, then masks. */
static void write_slave_data(uint8_t value)
{
	switch (slave.next) {
	case 2:
		known = true;
		base = value & 0xf8;
		slave.next = slave.first & SINGLE ? fourth_word() : 3;
		break;
	case 3:
		slave.next = fourth_word();
		break;
	case 4:
		slave.automatic = value & AUTOMATIC;
		slave.next = 0;
		break;
	default:
		break;
	}
}

bool pic_write(uint16_t port, uint8_t value)
{
	switch (port) {
	case PIC_MASTER:
		if (value & INITIALIZE)
			serving[0] = false;
		return !ends(PIC_MASTER, value, CASCADE, &serving[0]);
	case PIC_SLAVE:
		return write_slave(value);
	case PIC_SLAVE_DATA:
		write_slave_data(value);
		return true;
	case PIC_CLEAR_BUSY:
		ignores = serving[1];
		return true;
	default:
		return true;
	}
}
