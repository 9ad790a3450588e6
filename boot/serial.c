// SPDX-License-Identifier: MIT
/*
 * Takes the console's UART from the firmware. Firmware often runs its own console on every UART that it
 * finds (OVMF does). Its screens would then appear between the trace's lines. Once the VMM hides the ports, its
 * terminal driver would read 0xff from them as key presses for ever.
 *
 * UEFI does not say which ports a serial device uses. The hardware shows it: the driver is asked to invert DTR,
 * and the modem control register of our UART tells whether the driver uses it.
 */
#include "loader.h"
#include "hw/ns16550.h"

/* The bits that SetControl() may set; the others are read-only (UEFI specification 12.8, SetControl()). */
#define CONTROL_WRITABLE                                                                                     \
	(EFI_SERIAL_REQUEST_TO_SEND | EFI_SERIAL_DATA_TERMINAL_READY | EFI_SERIAL_HARDWARE_LOOPBACK_ENABLE | \
		EFI_SERIAL_SOFTWARE_LOOPBACK_ENABLE | EFI_SERIAL_HARDWARE_FLOW_CONTROL_ENABLE)

static EFI_HANDLE taken; /* the controller that was disconnected from its driver; NULL: none */

static bool drives(EFI_HANDLE handle, const struct uart_port *port)
{
	SERIAL_IO_INTERFACE *serial;
	UINT32 control;

	if (EFI_ERROR(BS->HandleProtocol(handle, &SerialIoProtocol, (void **)&serial)))
		return false;
	if (EFI_ERROR(serial->GetControl(serial, &control)))
		return false;
	control &= CONTROL_WRITABLE;
	if (EFI_ERROR(serial->SetControl(serial, control ^ EFI_SERIAL_DATA_TERMINAL_READY)))
		return false;
	uint8_t turned = uart_port_read(port, NS16550_MCR);
	serial->SetControl(serial, control);
	return (turned ^ uart_port_read(port, NS16550_MCR)) & MCR_DTR;
}

/* The device whose driver made the serial handle: its device path without the last node. */
static EFI_HANDLE parent_of(EFI_HANDLE handle)
{
	EFI_DEVICE_PATH *path = DevicePathFromHandle(handle), *copy, *last = NULL;
	EFI_HANDLE parent = NULL;

	if (!path)
		return NULL;
	copy = DuplicateDevicePath(path);
	if (!copy)
		return NULL;
	for (EFI_DEVICE_PATH *node = copy; !IsDevicePathEnd(node); node = NextDevicePathNode(node))
		last = node;
	EFI_DEVICE_PATH *rest = copy;
	if (last)
		SetDevicePathEndNode(last);
	if (!last || EFI_ERROR(BS->LocateDevicePath(&DevicePathProtocol, &rest, &parent)) ||
		!IsDevicePathEnd(rest))
		parent = NULL;
	FreePool(copy);
	return parent;
}

/* Disconnects the parent device, if there is one, with all drivers on top of it; otherwise the handle's own drivers. */
static bool disconnect(EFI_HANDLE handle)
{
	EFI_HANDLE parent = parent_of(handle);

	if (parent && !EFI_ERROR(BS->DisconnectController(parent, NULL, NULL)))
		taken = parent;
	else if (!EFI_ERROR(BS->DisconnectController(handle, NULL, NULL)))
		taken = handle;
	else
		return false;
	return true;
}

bool serial_take(const struct uart_port *port)
{
	bool free = true;
	UINTN count;
	EFI_HANDLE *handles;

	if (EFI_ERROR(BS->LocateHandleBuffer(ByProtocol, &SerialIoProtocol, NULL, &count, &handles)))
		return true;
	for (UINTN i = 0; i < count && !taken; i++) {
		if (!drives(handles[i], port))
			continue;
		/* A firmware without a console splitter would lose its only console. */
		free = handles[i] != ST->ConsoleOutHandle && disconnect(handles[i]);
	}
	FreePool(handles);
	return free;
}

bool serial_return(void)
{
	bool was_taken = taken != NULL;

	if (was_taken)
		BS->ConnectController(taken, NULL, NULL, TRUE);
	taken = NULL;
	return was_taken;
}
