#include "log/uart.h"
#include "mem/host_map.h"
#include "mem/layout.h"

/* Registers and bits of the 16550 */
#define RBR     0
#define THR     0
#define DLL     0
#define IER     1
#define DLM     1
#define FCR     2
#define LCR     3
#define MCR     4
#define LSR     5
#define SCR     7
#define FCR_ON  0xc7 /* enable, clear both, trigger at 14: QEMU lets no more than that into the FIFO */
#define LCR_8N1 0x03
#define LCR_DLA 0x80
#define MCR_ON  0x03 /* DTR, RTS */
#define LSR_DR  0x01 /* a byte is there */
#define LSR_OE  0x02 /* one was overwritten; reading clears it */
#define LSR_THR 0x20 /* with the FIFO on: it is empty */
#define LSR_ALL 0x40 /* and the last bit is on the line */

#define LSR_GONE 0xff /* no device answers (any more) */

#define CLOCK 115200

static struct uart_port uart; /* with its base where it is mapped */
static uint64_t overruns;

static uint8_t line_status(void)
{
	uint8_t status = uart_port_read(&uart, LSR);

	if (status != LSR_GONE && (status & LSR_OE))
		overruns++;
	return status;
}

static bool answers(void)
{
	uart_port_write(&uart, SCR, 0x5a);
	if (uart_port_read(&uart, SCR) != 0x5a)
		return false;
	uart_port_write(&uart, SCR, 0xa5);
	return uart_port_read(&uart, SCR) == 0xa5;
}

/* Where the host reaches it. False: no memory for the page tables. */
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

bool uart_init(const struct uart_port *port, uint32_t baud)
{
	uint32_t divisor = CLOCK / baud;

	if (!map(port) || !answers())
		return false;
	uart_port_write(&uart, IER, 0);
	uart_port_write(&uart, LCR, LCR_DLA);
	uart_port_write(&uart, DLL, (uint8_t)divisor);
	uart_port_write(&uart, DLM, (uint8_t)(divisor >> 8));
	uart_port_write(&uart, LCR, LCR_8N1);
	uart_port_write(&uart, FCR, FCR_ON);
	uart_port_write(&uart, MCR, MCR_ON);
	return true;
}

size_t uart_put(const char *bytes, size_t n)
{
	if (!(line_status() & LSR_THR))
		return 0;
	if (n > UART_FIFO)
		n = UART_FIFO;
	for (size_t i = 0; i < n; i++)
		uart_port_write(&uart, THR, (uint8_t)bytes[i]);
	return n;
}

bool uart_get(char *byte)
{
	uint8_t status = line_status();

	if (status == LSR_GONE || !(status & LSR_DR))
		return false;
	*byte = (char)uart_port_read(&uart, RBR);
	return true;
}

uint64_t uart_overruns(void)
{
	return overruns;
}

bool uart_idle(void)
{
	return line_status() & LSR_ALL;
}
