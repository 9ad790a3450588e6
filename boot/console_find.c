// SPDX-License-Identifier: MIT
/* Finds the UART that the configuration names, and decides where reports go without one. */
#include "loader.h"
#include "hw/ns16550.h"

static bool com(uint32_t port, struct uart_port *out)
{
	*out = (struct uart_port){.base = port, .width = 1};
	return true;
}

static bool com_there(uint32_t port, struct uart_port *out)
{
	return com(port, out) && ns16550_answers(out);
}

static bool find(uint32_t word, struct uart_port *out)
{
	switch (word) {
	case CONSOLE_NONE:
		return true;
	case CONSOLE_SPCR:
		return acpi_uart(out);
	case CONSOLE_PCI:
		return pci_find_uart(out);
	case CONSOLE_AUTO:
		return acpi_uart(out) || pci_find_uart(out) || com_there(CONSOLE_COM2, out) ||
		       com(CONSOLE_COM1, out);
	default:
		return com(word, out);
	}
}

void console_find(struct loader *l)
{
	struct uart_port *port = &l->console;

	if (!find(l->config.console, port))
		say("no UART for the console: %s; Trapline's log is not on a serial line",
			l->config.console == CONSOLE_PCI ? "no serial card on PCI"
							 : "no 16550 in an SPCR table");
	if (port->pci)
		port->config = acpi_pci_config(port->function);
}

void console_settle(struct loader *l)
{
	bool screen = l->config.screen && l->screen.base;

	if (l->config.triple_fault != TRIPLE_FAULT_AUTO)
		return;
	l->config.triple_fault = say_has_uart() || !screen ? TRIPLE_FAULT_RESET : TRIPLE_FAULT_STOP;
	if (say_has_uart())
		return;
	if (screen)
		say("without a serial line a triple fault stops the machine, with the report on the screen; "
		    "triple_fault = reset in trapline.conf resets it");
	else
		say("neither a serial line nor a screen to draw on: what a triple fault leaves is %s; "
		    "console= in "
		    "trapline.conf names another UART",
			l->config.blackbox ? "in the black box alone" : "lost");
}
