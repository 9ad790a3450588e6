#include "hw/ns16550.h"

#define LCR_8N1  0x03
#define LCR_DLAB 0x80
#define FCR_ON   0xc7 /* enable, clear both, trigger at 14: QEMU lets no more than that into the FIFO */

static bool keeps(const struct uart_port *port, uint8_t value)
{
	uart_port_write(port, NS16550_SCRATCH, value);
	return uart_port_read(port, NS16550_SCRATCH) == value;
}

/* Nothing is stored where no device is. */
bool ns16550_answers(const struct uart_port *port)
{
	return ns16550_status(port) != LSR_GONE && keeps(port, 0x5a) && keeps(port, 0xa5);
}

void ns16550_open(const struct uart_port *port, uint32_t baud)
{
	uint32_t divisor = NS16550_CLOCK / baud;

	uart_port_write(port, NS16550_IER, 0);
	uart_port_write(port, NS16550_LCR, LCR_DLAB | LCR_8N1);
	uart_port_write(port, NS16550_DATA, (uint8_t)divisor);
	uart_port_write(port, NS16550_IER, (uint8_t)(divisor >> 8));
	uart_port_write(port, NS16550_LCR, LCR_8N1);
	uart_port_write(port, NS16550_FCR, FCR_ON);
	uart_port_write(port, NS16550_MCR, MCR_DTR | MCR_RTS);
}

uint8_t ns16550_status(const struct uart_port *port)
{
	return uart_port_read(port, NS16550_LSR);
}
