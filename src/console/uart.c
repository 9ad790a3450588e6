#include "console/uart.h"
#include "cpu/asm.h"

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
#define FCR_ON  0x07 /* enable, clear both */
#define LCR_8N1 0x03
#define LCR_DLA 0x80
#define MCR_ON  0x03 /* DTR, RTS */
#define LSR_DR  0x01 /* a byte is there */
#define LSR_OE  0x02 /* one was overwritten; reading clears it */
#define LSR_THR 0x20 /* with the FIFO on: it is empty */
#define LSR_ALL 0x40 /* and the last bit is on the line */

#define LSR_GONE 0xff /* no device answers (any more) */

#define CLOCK 115200

static uint16_t base;
static uint64_t overruns;

static uint8_t line_status(void)
{
	uint8_t status = inb(base + LSR);

	if (status != LSR_GONE && (status & LSR_OE))
		overruns++;
	return status;
}

static bool answers(uint16_t port)
{
	outb(port + SCR, 0x5a);
	if (inb(port + SCR) != 0x5a)
		return false;
	outb(port + SCR, 0xa5);
	return inb(port + SCR) == 0xa5;
}

bool uart_init(uint16_t port, uint32_t baud)
{
	uint32_t divisor = CLOCK / baud;

	if (!answers(port))
		return false;
	outb(port + IER, 0);
	outb(port + LCR, LCR_DLA);
	outb(port + DLL, (uint8_t)divisor);
	outb(port + DLM, (uint8_t)(divisor >> 8));
	outb(port + LCR, LCR_8N1);
	outb(port + FCR, FCR_ON);
	outb(port + MCR, MCR_ON);
	base = port;
	return true;
}

size_t uart_put(const char *bytes, size_t n)
{
	if (!(line_status() & LSR_THR))
		return 0;
	if (n > UART_FIFO)
		n = UART_FIFO;
	for (size_t i = 0; i < n; i++)
		outb(base + THR, (uint8_t)bytes[i]);
	return n;
}

bool uart_get(char *byte)
{
	uint8_t status = line_status();

	if (status == LSR_GONE || !(status & LSR_DR))
		return false;
	*byte = (char)inb(base + RBR);
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
