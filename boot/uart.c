/*
 * The console's UART, written to directly: the firmware may not know it, and a line of the loader is then
 * still beside the VMM's in one log. Registers as in the PC16550D data sheet, table 2.
 */
#include "loader.h"
#include "hw/asm.h"

enum uart_register {
	UART_DATA = 0, /* divisor, low byte, while DLAB */
	UART_IER = 1,  /* divisor, high byte, while DLAB */
	UART_FCR = 2,
	UART_LCR = 3,
	UART_MCR = 4,
	UART_LSR = 5,
	UART_SCRATCH = 7,
};

#define LCR_8N1       0x03
#define LCR_DLAB      0x80
#define FCR_ENABLE    0x07 /* and both FIFOs emptied */
#define MCR_DTR_RTS   0x03
#define LSR_THR_EMPTY 0x20
#define LSR_GONE      0xff

#define UART_CLOCK     115200
#define SPINS          1000 /* polls without a pause between them */
#define STALL_US       10   /* the pause after that */
#define CHARACTER_BITS 10

static uint32_t wait_max = 4000; /* pauses before the line is given up: two characters' time, and some */
static bool dead;

bool uart_answers(const struct uart_port *port)
{
	if (uart_port_read(port, UART_LSR) == LSR_GONE)
		return false; /* and nothing is stored where no device is */
	uart_port_write(port, UART_SCRATCH, 0x55);
	if (uart_port_read(port, UART_SCRATCH) != 0x55)
		return false;
	uart_port_write(port, UART_SCRATCH, 0xaa);
	return uart_port_read(port, UART_SCRATCH) == 0xaa;
}

void uart_open(const struct uart_port *port, uint32_t baud)
{
	uint32_t divisor = UART_CLOCK / baud;

	uart_port_write(port, UART_IER, 0);
	uart_port_write(port, UART_LCR, LCR_DLAB | LCR_8N1);
	uart_port_write(port, UART_DATA, (uint8_t)divisor);
	uart_port_write(port, UART_IER, (uint8_t)(divisor >> 8));
	uart_port_write(port, UART_LCR, LCR_8N1);
	uart_port_write(port, UART_FCR, FCR_ENABLE);
	uart_port_write(port, UART_MCR, MCR_DTR_RTS);
	wait_max = 100 + 2 * CHARACTER_BITS * (1000000 / baud) / STALL_US;
}

static bool wait_empty(const struct uart_port *port)
{
	for (uint32_t i = 0; i < SPINS + wait_max; i++) {
		if (uart_port_read(port, UART_LSR) & LSR_THR_EMPTY)
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
		uart_port_write(port, UART_DATA, (uint8_t)c);
}

void uart_write(const struct uart_port *port, const char *text)
{
	if (dead || !uart_answers(port))
		return;
	for (; *text; text++) {
		if (*text == '\n')
			put(port, '\r');
		put(port, *text);
	}
}
