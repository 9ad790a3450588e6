// SPDX-License-Identifier: MIT
/* The SPCR table: the UART that the firmware has for its own console. Pure: tested on the host. */
#ifndef TRAPLINE_SPCR_H
#define TRAPLINE_SPCR_H

#include <stdbool.h>
#include <stddef.h>
#include <boot/uart_port.h>

/*
 *   table, length  with its header, which has been checked
 *   out            out->config stays 0
 * Returns false, with *out unchanged, if the table names no UART that Trapline can drive.
 */
bool spcr_parse(const uint8_t *table, size_t length, struct uart_port *out);

#endif
