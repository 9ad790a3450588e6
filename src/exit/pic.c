#include "exit/pic.h"
#include "hw/asm.h"

#define MASTER_MASK   0x21
#define INITIALIZE    0x10 /* ICW1 */
#define CASCADE       2    /* of the master: the slave */
#define IRQ13         5    /* of the slave */
#define EOI           0x20
#define ROTATES       0x80 /* with either: priorities, which are not kept here */
#define EOI_OF(level) (0x60 | (level))
#define READ_ISR      0x0b /* OCW3 */
#define READ_IRR      0x0a
#define HIGHER(level) ((1u << (level)) - 1)

static bool known, second_word, ignores, serving[2]; /* of the master, of the slave */
static uint8_t base;

int pic_vector(void)
{
	return known ? base + IRQ13 : PIC_NOT_KNOWN;
}

bool pic_is_open(void)
{
	return !serving[0] && !serving[1] && !(inb(MASTER_MASK) & 1u << CASCADE) &&
	       !(inb(PIC_SLAVE_DATA) & 1u << IRQ13);
}

void pic_taken(void)
{
	serving[0] = serving[1] = true;
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

/* An end of interrupt that names none is for the one of the highest priority: one of the controller's own may be above ours. */
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
		second_word = true;
		serving[1] = ignores = false;
		return true;
	}
	if (!ends(PIC_SLAVE, value, IRQ13, &serving[1]))
		return true;
	ignores = false;
	return false;
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
		if (second_word) {
			known = true;
			base = value & 0xf8;
		}
		second_word = false;
		return true;
	case PIC_CLEAR_BUSY:
		ignores = serving[1];
		return true;
	default:
		return true;
	}
}
