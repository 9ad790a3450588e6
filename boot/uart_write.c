// SPDX-License-Identifier: MIT
/*
 * Writes directly to the console's UART, which the firmware may not drive. So the loader's lines and the
 * VMM's are in one log.
 */
#include "loader.h"
#include "hw/ns16550.h"

#define SPINS          1000 /* polls without a pause between them */
#define STALL_US       10   /* the pause after that */
#define CHARACTER_BITS 10

static uint32_t wait_max =
	4000; /* pauses before the line is given up: a little more than two characters' time */
static bool dead;

void uart_open(const struct uart_port *port, uint32_t baud)
{
	uint32_t speed = ns16550_open(port, baud);

	wait_max = 100 + 2 * CHARACTER_BITS * (1000000 / (speed ? speed : 1)) / STALL_US;
}

static bool wait_empty(const struct uart_port *port)
{
	for (uint32_t i = 0; i < SPINS + wait_max; i++) {
		if (ns16550_status(port) & LSR_THR_EMPTY)
			return true;
		if (i >= SPINS)
			BS->Stall(STALL_US);
	}
	return false;
}

static void put(const struct uart_port *port, char c)
{
	if (!dead && !wait_empty(port))
		dead = true;
	if (!dead)
		uart_port_write(port, NS16550_DATA, (uint8_t)c);
}

void uart_write(const struct uart_port *port, const char *text)
{
	if (dead || !ns16550_answers(port))
		return;
	for (; *text; text++) {
		if (*text == '\n')
			put(port, '\r');
		put(port, *text);
	}
}
