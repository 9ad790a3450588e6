// SPDX-License-Identifier: MIT
/*
 * The 16550 UART, for the loader and for the VMM: registers as in the PC16550D data sheet, table 2. Nothing here waits.
 * All accesses go through uart_port_read() and uart_port_write().
 */
#ifndef TRAPLINE_NS16550_H
#define TRAPLINE_NS16550_H

#include <stdbool.h>
#include <boot/uart_port.h>

enum ns16550_register {
	NS16550_DATA = 0, /* with DLAB: divisor, low byte */
	NS16550_IER = 1,  /* with DLAB: divisor, high byte */
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

#define LSR_DATA      0x01 /* a byte has arrived */
#define LSR_OVERRUN   0x02 /* a byte was overwritten; reading clears it */
#define LSR_THR_EMPTY 0x20 /* with the FIFO on: it is empty */
#define LSR_IDLE      0x40 /* THR is empty and the last bit has been sent */
#define LSR_GONE      0xff /* no device answers */

/* Whether a UART answers: its scratch register stores what is written. */
bool ns16550_answers(const struct uart_port *port);

/*
 * Sets 8N1, FIFOs on and empty, interrupts off. The speed is the port's own, from the firmware's table or as the firmware left
 * it; otherwise `baud`.
 *   baud  50 to 115200
 * Returns the speed in baud.
 */
uint32_t ns16550_open(const struct uart_port *port, uint32_t baud);

/* Returns LSR_... bits, or LSR_GONE. */
static inline uint8_t ns16550_status(const struct uart_port *port)
{
	return uart_port_read(port, NS16550_LSR);
}

#endif
