/* Serial Port Console Redirection Table, Microsoft, revisions 1 to 4. */
#include "spcr.h"
#include <lib/string.h>

enum {
	SPCR_INTERFACE = 36,
	SPCR_SPACE = 40, /* a generic address structure, ACPI specification 5.2.3.2 */
	SPCR_ACCESS = 43,
	SPCR_ADDRESS = 44,
	SPCR_PCI_DEVICE = 64, /* 0xffff: it is none */
	SPCR_PCI_BUS = 68,
	SPCR_PCI_SLOT = 69,
	SPCR_PCI_FUNCTION = 70,
	SPCR_PCI_SEGMENT = 75,
	SPCR_LENGTH = 80
};

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

/* Bytes, from the access size of an address structure; 0: one that no UART has. Undefined was a byte once. */
static uint8_t width_of(uint8_t access)
{
	static const uint8_t widths[] = {1, 1, 2, 4};

	return access < sizeof(widths) ? widths[access] : 0;
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
	/* 0 is nobody's identifier, and what is there where nobody has filled the field in. */
	port.pci = device && device != 0xffff && !table[SPCR_PCI_SEGMENT];
	if (port.pci)
		port.function = (uint16_t)(table[SPCR_PCI_BUS] << 8 | (table[SPCR_PCI_SLOT] & 31) << 3 |
					   (table[SPCR_PCI_FUNCTION] & 7));
	*out = port;
	return true;
}
