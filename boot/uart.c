/*
 * The console's UART, written to directly: the firmware may not know it, and a line of the loader is then
 * still beside the VMM's in one log. Registers as in the PC16550D data sheet, table 2.
 */
#include "loader.h"
#include "cpu/asm.h"

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

#define UART_CLOCK     115200
#define SPINS          1000 /* polls without a pause between them */
#define STALL_US       10   /* the pause after that */
#define CHARACTER_BITS 10

static uint32_t wait_max = 4000; /* pauses before the line is given up: two characters' time, and some */
static bool dead;

bool uart_answers(uint16_t port)
{
	outb(port + UART_SCRATCH, 0x55);
	if (inb(port + UART_SCRATCH) != 0x55)
		return false;
	outb(port + UART_SCRATCH, 0xaa);
	return inb(port + UART_SCRATCH) == 0xaa;
}

void uart_open(uint16_t port, uint32_t baud)
{
	uint32_t divisor = UART_CLOCK / baud;

	outb(port + UART_IER, 0);
	outb(port + UART_LCR, LCR_DLAB | LCR_8N1);
	outb(port + UART_DATA, (uint8_t)divisor);
	outb(port + UART_IER, (uint8_t)(divisor >> 8));
	outb(port + UART_LCR, LCR_8N1);
	outb(port + UART_FCR, FCR_ENABLE);
	outb(port + UART_MCR, MCR_DTR_RTS);
	wait_max = 100 + 2 * CHARACTER_BITS * (1000000 / baud) / STALL_US;
}

static bool wait_empty(uint16_t port)
{
	for (uint32_t i = 0; i < SPINS + wait_max; i++) {
		if (inb(port + UART_LSR) & LSR_THR_EMPTY)
			return true;
		if (i >= SPINS)
			BS->Stall(STALL_US);
	}
	return false;
}

static void put(uint16_t port, char c)
{
	if (!dead && !wait_empty(port))
		dead = true;
	if (!dead)
		outb(port + UART_DATA, (uint8_t)c);
}

void uart_write(uint16_t port, const char *text)
{
	if (!port || dead || !uart_answers(port))
		return;
	for (; *text; text++) {
		if (*text == '\n')
			put(port, '\r');
		put(port, *text);
	}
}
