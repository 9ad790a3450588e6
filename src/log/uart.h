// SPDX-License-Identifier: MIT
/* The console's UART, a 16550 at I/O ports or in memory. */
#ifndef TRAPLINE_UART_H
#define TRAPLINE_UART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <boot/uart_port.h>
#include "hw/ns16550.h"

#define UART_FIFO NS16550_FIFO

/*
 * Sets the speed, 8N1, FIFOs on, interrupts off. Returns the speed in baud; 0: no UART answers.
 *   baud  a divisor of 115200
 */
uint32_t uart_init(const struct uart_port *port, uint32_t baud);

/* Puts up to n bytes into the FIFO if it is empty, without waiting. Returns the number taken: 0 to UART_FIFO. */
size_t uart_put(const char *bytes, size_t n);

/* Reads the next byte that arrived, without waiting. False: there is none. */
bool uart_get(char *byte);

/* Whether a byte was there when a function above last looked at the UART: each look takes a microsecond. */
bool uart_had_input(void);

/* The number of overruns: bytes came faster than they were read, and some were lost. */
uint64_t uart_overruns(void);

/* Whether all bytes have been sent. */
bool uart_idle(void);

#endif
