// SPDX-License-Identifier: MIT
/* Where the registers of a 16550 UART are, and how to access them: for the loader and for the VMM. */
#ifndef TRAPLINE_UART_PORT_H
#define TRAPLINE_UART_PORT_H

#include <stdint.h>
#include <hw/asm.h>

struct uart_port {
	uint64_t base; /* I/O port or address; 0: there is none */
	uint8_t memory; /* 1: base is an address, physical in boot_info, virtual once the owner has mapped it */
	uint8_t width;     /* bytes of an access and from one register to the next: 1, 2, 4; 1 in I/O space */
	uint8_t pci;       /* 1: it is a function of PCI segment 0 */
	uint8_t as_is;     /* 1: keep the speed that the firmware has set */
	uint16_t function; /* bus, device and function number, as in a PCI address */
	uint16_t reserved2;
	uint32_t rate;   /* the speed at divisor 1; 0: 115200, as on a PC */
	uint32_t baud;   /* speed in the firmware's table; 0: the configuration's */
	uint64_t config; /* physical address of its configuration space; 0: there is none */
};

static inline uint8_t uart_port_read(const struct uart_port *u, unsigned reg)
{
	uint64_t at = u->base + reg * u->width;

	if (!u->memory)
		return inb((uint16_t)at);
	return u->width == 1   ? *(volatile uint8_t *)at
	       : u->width == 2 ? (uint8_t) * (volatile uint16_t *)at
			       : (uint8_t) * (volatile uint32_t *)at;
}

static inline void uart_port_write(const struct uart_port *u, unsigned reg, uint8_t value)
{
	uint64_t at = u->base + reg * u->width;

	if (!u->memory)
		outb((uint16_t)at, value);
	else if (u->width == 1)
		*(volatile uint8_t *)at = value;
	else if (u->width == 2)
		*(volatile uint16_t *)at = value;
	else
		*(volatile uint32_t *)at = value;
}

/* All to one register. */
static inline void uart_port_write_all(const struct uart_port *u, unsigned reg, const char *bytes, size_t n)
{
	if (!u->memory)
		outsb((uint16_t)(u->base + reg), bytes, n);
	else
		for (size_t i = 0; i < n; i++)
			uart_port_write(u, reg, (uint8_t)bytes[i]);
}

#endif
