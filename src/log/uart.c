// SPDX-License-Identifier: MIT
#include "log/uart.h"
#include "hw/ns16550.h"
#include "mem/host_map.h"
#include "mem/layout.h"

static struct uart_port uart; /* its base is the mapped address */
static uint64_t overruns;
static uint8_t last_status;

static uint8_t line_status(void)
{
	uint8_t status = ns16550_status(&uart);

	if (status & LSR_OVERRUN && status != LSR_GONE)
		overruns++;
	last_status = status;
	return status;
}

/* Maps its registers. False: no memory for the page tables. */
static bool map(const struct uart_port *port)
{
	uint64_t page = port->base & ~(uint64_t)(PAGE_SIZE - 1);

	uart = *port;
	if (port->memory)
		uart.base = (uint64_t)host_map_device(page, PAGE_SIZE);
	if (port->memory && uart.base)
		uart.base += port->base - page;
	return uart.base;
}

uint32_t uart_init(const struct uart_port *port, uint32_t baud)
{
	if (!map(port) || !ns16550_answers(&uart))
		return 0;
	return ns16550_open(&uart, baud);
}

size_t uart_put(const char *bytes, size_t n)
{
	if (!(line_status() & LSR_THR_EMPTY))
		return 0;
	if (n > UART_FIFO)
		n = UART_FIFO;
	uart_port_write_all(&uart, NS16550_DATA, bytes, n);
	return n;
}

bool uart_get(char *byte)
{
	uint8_t status = line_status();

	if (status == LSR_GONE || !(status & LSR_DATA))
		return false;
	*byte = (char)uart_port_read(&uart, NS16550_DATA);
	return true;
}

bool uart_had_input(void)
{
	return last_status != LSR_GONE && last_status & LSR_DATA;
}

uint64_t uart_overruns(void)
{
	return overruns;
}

bool uart_idle(void)
{
	return line_status() & LSR_IDLE;
}
