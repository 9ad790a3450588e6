// SPDX-License-Identifier: MIT
/* Serial Port Console Redirection Table, Microsoft, revisions 1 to 4. */
#include "spcr.h"
#include <lib/string.h>
#include "hw/ns16550.h"
#include "lib/array.h"

enum {
	SPCR_INTERFACE = 36,
	SPCR_SPACE = 40, /* a generic address structure, ACPI specification 5.2.3.2 */
	SPCR_ACCESS = 43,
	SPCR_ADDRESS = 44,
	SPCR_BAUD = 58,       /* enum spcr_speed */
	SPCR_PCI_DEVICE = 64, /* 0xffff: not a PCI device */
	SPCR_PCI_BUS = 68,
	SPCR_PCI_SLOT = 69,
	SPCR_PCI_FUNCTION = 70,
	SPCR_PCI_SEGMENT = 75,
	SPCR_CLOCK = 76, /* Hz; 0: unknown; older revisions have 0 here */
	SPCR_LENGTH = 80,
	SPCR_PRECISE_BAUD = 80, /* from revision 4 on; 0: SPCR_BAUD applies */
	SPCR_LENGTH_4 = 84
};

#define REVISION 8 /* its offset in any ACPI table */

#define CLOCKS_A_BIT 16
#define CLOCK_MAX    1000000000u

/* Interface types, as in the DBG2 table */
enum {
	TYPE_16550 = 0x00,
	TYPE_16450 = 0x01,
	TYPE_16550_GAS = 0x12
};

enum {
	SPACE_MEMORY = 0,
	SPACE_IO = 1
};

static bool is_16550(uint8_t type)
{
	return type == TYPE_16550 || type == TYPE_16450 || type == TYPE_16550_GAS;
}

/* Bytes for the access size of an address structure; 0: no UART has it. Undefined (0) meant a byte once. */
static uint8_t width_of(uint8_t access)
{
	static const uint8_t widths[] = {1, 1, 2, 4};

	return access < sizeof(widths) ? widths[access] : 0;
}

static uint32_t word_at(const uint8_t *table, size_t offset)
{
	uint32_t word;

	memcpy(&word, table + offset, sizeof(word));
	return word;
}

/* 0: leave the speed as it is. Undefined codes are treated the same. */
static uint32_t baud_of(const uint8_t *table, size_t length)
{
	static const uint32_t bauds[] = {[3] = 9600, [4] = 19200, [6] = 57600, [7] = 115200};
	uint8_t code = table[SPCR_BAUD];

	if (table[REVISION] >= 4 && length >= SPCR_LENGTH_4 && word_at(table, SPCR_PRECISE_BAUD))
		return word_at(table, SPCR_PRECISE_BAUD);
	return code < ARRAY_SIZE(bauds) ? bauds[code] : 0;
}

/* The speed, and the clock that it is derived from: AMD's memory-mapped UARTs run at 48 MHz. Impossible values count as unknown. */
static void read_speed(const uint8_t *table, size_t length, struct uart_port *port)
{
	uint32_t clock = word_at(table, SPCR_CLOCK), baud = baud_of(table, length);

	port->rate = clock <= CLOCK_MAX ? clock / CLOCKS_A_BIT : 0;
	port->as_is = !baud;
	port->baud = baud <= (port->rate ? port->rate : NS16550_CLOCK) ? baud : 0;
}

bool spcr_parse(const uint8_t *table, size_t length, struct uart_port *out)
{
	struct uart_port port = {0};
	uint16_t device;

	if (length < SPCR_LENGTH || !is_16550(table[SPCR_INTERFACE]) || table[SPCR_SPACE] > SPACE_IO)
		return false;
	memcpy(&port.base, table + SPCR_ADDRESS, sizeof(port.base));
	memcpy(&device, table + SPCR_PCI_DEVICE, sizeof(device));
	port.memory = table[SPCR_SPACE] == SPACE_MEMORY;
	port.width = port.memory ? width_of(table[SPCR_ACCESS]) : 1;
	if (!port.base || !port.width || (!port.memory && port.base > 0xfff8))
		return false;
	/* Vendor 0 does not exist; tables that do not fill in the field have 0 there. */
	port.pci = device && device != 0xffff && !table[SPCR_PCI_SEGMENT];
	if (port.pci)
		port.function = (uint16_t)(table[SPCR_PCI_BUS] << 8 | (table[SPCR_PCI_SLOT] & 31) << 3 |
					   (table[SPCR_PCI_FUNCTION] & 7));
	read_speed(table, length, &port);
	*out = port;
	return true;
}
