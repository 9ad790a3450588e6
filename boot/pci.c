// SPDX-License-Identifier: MIT
/* Finds the first serial card on a PCI bus, as the firmware has configured it. */
#include "loader.h"
#include <efipciio.h>

#define PCI_COMMAND  0x04
#define PCI_CLASS    0x08 /* revision in the low byte */
#define PCI_BAR0     0x10
#define PCI_BARS     6
#define CLASS_SERIAL 0x0700u /* base class 07, sub-class 00 */
#define COMMAND_ON   0x3u    /* decodes I/O and memory addresses */
#define BAR_IO       0x1u
#define BAR_TYPE     0x6u
#define BAR_64       0x4u

static uint32_t get(EFI_PCI_IO_PROTOCOL *io, uint32_t offset)
{
	uint32_t value = ~0u;

	io->Pci.Read(io, EfiPciIoWidthUint32, offset, 1, &value);
	return value;
}

/* The card's first address. */
static bool find_base(EFI_PCI_IO_PROTOCOL *io, struct uart_port *out)
{
	for (unsigned i = 0; i < PCI_BARS; i++) {
		uint32_t bar = get(io, PCI_BAR0 + 4 * i);
		bool wide = !(bar & BAR_IO) && (bar & BAR_TYPE) == BAR_64;

		out->memory = !(bar & BAR_IO);
		out->base = bar & (out->memory ? ~0xfu : ~0x3u);
		if (wide && i + 1 < PCI_BARS)
			out->base |= (uint64_t)get(io, PCI_BAR0 + 4 * ++i) << 32;
		if (out->base)
			return true;
	}
	return false;
}

static bool is_serial(EFI_PCI_IO_PROTOCOL *io, struct uart_port *out)
{
	UINTN segment, bus, device, function;

	if (get(io, PCI_CLASS) >> 16 != CLASS_SERIAL ||
		EFI_ERROR(io->GetLocation(io, &segment, &bus, &device, &function)) || segment)
		return false;
	*out = (struct uart_port){.width = 1, .pci = 1};
	out->function = (uint16_t)(bus << 8 | device << 3 | function);
	return find_base(io, out);
}

/* The function at `wanted`, or the first serial card if its base is 0. */
static EFI_PCI_IO_PROTOCOL *find(struct uart_port *wanted)
{
	EFI_HANDLE *handles;
	EFI_PCI_IO_PROTOCOL *io, *found = NULL;
	struct uart_port port;
	UINTN count;

	if (EFI_ERROR(BS->LocateHandleBuffer(ByProtocol, &PciIoProtocol, NULL, &count, &handles)))
		return NULL;
	for (UINTN i = 0; i < count && !found; i++) {
		if (EFI_ERROR(BS->HandleProtocol(handles[i], &PciIoProtocol, (void **)&io)) ||
			!is_serial(io, &port) || (wanted->base && port.function != wanted->function))
			continue;
		found = io;
		if (!wanted->base)
			*wanted = port;
	}
	FreePool(handles);
	return found;
}

bool pci_find_uart(struct uart_port *out)
{
	*out = (struct uart_port){0};
	return find(out);
}

void pci_enable(const struct uart_port *port)
{
	struct uart_port wanted = *port;
	EFI_PCI_IO_PROTOCOL *io = port->pci ? find(&wanted) : NULL;
	uint16_t command;

	if (!io || EFI_ERROR(io->Pci.Read(io, EfiPciIoWidthUint16, PCI_COMMAND, 1, &command)))
		return;
	command |= COMMAND_ON;
	io->Pci.Write(io, EfiPciIoWidthUint16, PCI_COMMAND, 1, &command);
}
