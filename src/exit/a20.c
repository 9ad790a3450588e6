// SPDX-License-Identifier: MIT
#include "exit/a20.h"

#define GATE            0x02 /* of port A, and of the keyboard controller's output port */
#define READ_OUTPUT     0xd0
#define WRITE_OUTPUT    0xd1
#define GATE_OFF        0xdd
#define GATE_ON         0xdf
#define PULSE           0xf0 /* pulses the lines whose bit is clear */
#define IS_PULSE(value) (((value)&0xf0) == PULSE)

/* The gates that the guest has switched off, and a command whose byte is still to come. A machine has one of each. */
static bool port_a_off, output_off;
static uint8_t command;

bool a20_wants_data(void)
{
	return command;
}

static bool touches(uint16_t port, unsigned size, unsigned which)
{
	return which - port < size;
}

bool a20_is_port(uint16_t port, unsigned size)
{
	return touches(port, size, A20_PORT_A) || touches(port, size, A20_KBC_COMMAND) ||
	       (command && touches(port, size, A20_KBC_DATA));
}

/* The byte of a write that goes to this port. */
static uint8_t byte_to(const struct exit_io *io, unsigned port, uint32_t value)
{
	return (uint8_t)(value >> 8 * (port - io->port));
}

static uint32_t gate_at(const struct exit_io *io, unsigned port)
{
	return (uint32_t)GATE << 8 * (port - io->port);
}

/* GATE_OFF, and a pulse of the line, are not passed to the controller. */
static bool write_command(const struct exit_io *io, uint32_t *value)
{
	uint8_t byte = byte_to(io, A20_KBC_COMMAND, *value);

	command = byte == READ_OUTPUT || byte == WRITE_OUTPUT ? byte : 0;
	if (byte == GATE_OFF || byte == GATE_ON)
		output_off = byte == GATE_OFF;
	if (IS_PULSE(byte))
		*value |= gate_at(io, A20_KBC_COMMAND);
	return byte != GATE_OFF;
}

bool a20_write(const struct exit_io *io, uint32_t *value)
{
	if (touches(io->port, io->size, A20_PORT_A)) {
		port_a_off = !(byte_to(io, A20_PORT_A, *value) & GATE);
		*value |= gate_at(io, A20_PORT_A);
	}
	if (command == WRITE_OUTPUT && touches(io->port, io->size, A20_KBC_DATA)) {
		output_off = !(byte_to(io, A20_KBC_DATA, *value) & GATE);
		*value |= gate_at(io, A20_KBC_DATA);
		command = 0;
	}
	return !touches(io->port, io->size, A20_KBC_COMMAND) || write_command(io, value);
}

uint32_t a20_read(const struct exit_io *io, uint32_t value)
{
	if (port_a_off && touches(io->port, io->size, A20_PORT_A))
		value &= ~gate_at(io, A20_PORT_A);
	if (command == READ_OUTPUT && touches(io->port, io->size, A20_KBC_DATA)) {
		if (output_off)
			value &= ~gate_at(io, A20_KBC_DATA);
		command = 0;
	}
	return value;
}
