/*
 * The 16550 UART, for the loader and for the VMM: registers as in the PC16550D data sheet, table 2. Nothing here waits,
 * and all goes through uart_port_read() and uart_port_write().
 */
#ifndef TRAPLINE_NS16550_H
#define TRAPLINE_NS16550_H

#include <stdbool.h>
#include <boot/uart_port.h>

enum ns16550_register {
	NS16550_DATA = 0, /* divisor, low byte, while DLAB */
	NS16550_IER = 1,  /* divisor, high byte, while DLAB */
	NS16550_FCR = 2,
	NS16550_LCR = 3,
	NS16550_MCR = 4,
	NS16550_LSR = 5,
	NS16550_SCRATCH = 7,
};

#define NS16550_FIFO  16
#define NS16550_CLOCK 115200 /* the speed at divisor 1 on a PC: 1.8432 MHz, 16 clocks a bit */

#define MCR_DTR 0x01
#define MCR_RTS 0x02

#define LSR_DATA      0x01 /* a byte is there */
#define LSR_OVERRUN   0x02 /* one was overwritten; reading clears it */
#define LSR_THR_EMPTY 0x20 /* with the FIFO on: it is empty */
#define LSR_IDLE      0x40 /* and the last bit is on the line */
#define LSR_GONE      0xff /* no device answers (any more) */

/* Whether a UART answers: its scratch register keeps what is written there. */
bool ns16550_answers(const struct uart_port *port);

/*
 * 8N1, FIFOs on and empty, interrupts off. The speed is the port's own, as the firmware's table has it or as the firmware left
 * it; where there is none, `baud` (50 to 115200). Returns the speed.
 */
uint32_t ns16550_open(const struct uart_port *port, uint32_t baud);

/* LSR_..., or LSR_GONE. */
uint8_t ns16550_status(const struct uart_port *port);

#endif
