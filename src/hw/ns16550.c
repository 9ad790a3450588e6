// SPDX-License-Identifier: MIT
#include "hw/ns16550.h"

#define LCR_8N1     0x03
#define LCR_DLAB    0x80
#define DIVISOR_MAX 0xffff
#define FCR_ON      0xc7 /* enable, clear both, trigger at 14: QEMU's FIFO holds no more than that */

static bool keeps(const struct uart_port *port, uint8_t value)
{
	uart_port_write(port, NS16550_SCRATCH, value);
	return uart_port_read(port, NS16550_SCRATCH) == value;
}

/* A missing device does not store what is written to its scratch register. */
bool ns16550_answers(const struct uart_port *port)
{
	return ns16550_status(port) != LSR_GONE && keeps(port, 0x5a) && keeps(port, 0xa5);
}

static uint32_t rate_of(const struct uart_port *port)
{
	return port->rate ? port->rate : NS16550_CLOCK;
}

/* The nearest divisor of 16 bits. */
static uint32_t divisor_for(const struct uart_port *port, uint32_t baud)
{
	uint32_t divisor = (rate_of(port) + baud / 2) / baud;

	return divisor < 1 ? 1 : divisor > DIVISOR_MAX ? DIVISOR_MAX : divisor;
}

/* With DLAB set. If the firmware has not set a speed the divisor is 0, with which no UART works: use `baud`. */
static uint32_t set_divisor(const struct uart_port *port, uint32_t baud)
{
	uint32_t divisor = uart_port_read(port, NS16550_DATA) | (uint32_t)uart_port_read(port, NS16550_IER)
									<< 8;

	if (port->as_is && divisor)
		return divisor;
	divisor = divisor_for(port, port->baud ? port->baud : baud);
	uart_port_write(port, NS16550_DATA, (uint8_t)divisor);
	uart_port_write(port, NS16550_IER, (uint8_t)(divisor >> 8));
	return divisor;
}

uint32_t ns16550_open(const struct uart_port *port, uint32_t baud)
{
	uint32_t divisor;

	uart_port_write(port, NS16550_IER, 0);
	uart_port_write(port, NS16550_LCR, LCR_DLAB | LCR_8N1);
	divisor = set_divisor(port, baud);
	uart_port_write(port, NS16550_LCR, LCR_8N1);
	uart_port_write(port, NS16550_FCR, FCR_ON);
	uart_port_write(port, NS16550_MCR, MCR_DTR | MCR_RTS);
	return rate_of(port) / divisor;
}
