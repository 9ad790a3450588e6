/* The loader's lines. Each goes to three places, so that one of them is seen whatever the machine has. */
#include <lib/printf.h>
#include <lib/string.h>
#include "loader.h"

#define LINE_MAX  320
#define EARLY_MAX 8192

static struct {
	const struct loader *loader;  /* NULL: lines are kept, not sent */
	const struct uart_port *uart; /* NULL: none */
	bool file;
	char early[EARLY_MAX]; /* what was said before */
	size_t early_len;
} out;

static void to_firmware(const char *text)
{
	CHAR16 wide[3] = {0};

	for (; *text; text++) {
		bool newline = *text == '\n';
		wide[0] = newline ? '\r' : (CHAR16)*text;
		wide[1] = newline ? '\n' : 0;
		ST->ConOut->OutputString(ST->ConOut, wide);
	}
}

/* A volume that is full or write-protected is said once; the other two places are enough to go on. */
static void to_file(const char *text)
{
	if (!out.file)
		return;
	EFI_STATUS status = file_append(out.loader, out.loader->config.report_file, text);
	if (!EFI_ERROR(status))
		return;
	out.file = false;
	say("report_file %s cannot be written (%s); going on without it", out.loader->config.report_file,
		say_status(status));
}

static void to_uart(const char *text)
{
	if (out.uart)
		uart_write(out.uart, text);
}

static void send(const char *text)
{
	to_firmware(text);
	to_uart(text);
	to_file(text);
}

static void keep(const char *text)
{
	size_t len = strlen(text);

	if (out.early_len + len >= sizeof(out.early))
		return;
	memcpy(out.early + out.early_len, text, len + 1);
	out.early_len += len;
}

void say_long(const char *text)
{
	char first[LINE_MAX];
	size_t n = 0;

	for (; text[n] && text[n] != '\n' && n < sizeof(first) - 2; n++)
		first[n] = text[n];
	memcpy(first + n, "\n", 2);
	to_firmware(first);
	to_uart(text);
	to_file(text);
}

void say(const char *fmt, ...)
{
	static const char prefix[] = "trapline: ";
	char line[LINE_MAX];
	va_list ap;

	memcpy(line, prefix, sizeof(prefix));
	va_start(ap, fmt);
	/* One byte is left for the newline. */
	vsnprintf(line + sizeof(prefix) - 1, sizeof(line) - sizeof(prefix), fmt, ap);
	va_end(ap);
	memcpy(line + strlen(line), "\n", 2);
	if (out.loader)
		send(line);
	else
		keep(line);
}

/* As a guest of Trapline's we leave the UART as it is: it is the VMM's, and may be hidden from us. */
static void open_uart(struct loader *l)
{
	const struct uart_port *port = &l->console;

	if (!port->base)
		return;
	out.uart = port;
	if (cpu_is_guest())
		return;
	pci_enable(port);
	if (uart_answers(port)) {
		if (l->config.hide_console && !serial_take(port)) {
			/* Its driver would read ones for ever where the UART has been. */
			l->config.hide_console = false;
			say("the firmware does not let go of the console's UART: it is not hidden");
		}
		pci_enable(port);
		uart_open(port, l->config.baud);
	} else {
		out.uart = NULL;
		say("no UART at %s 0x%lx for the console; Trapline's log is not on a serial line",
			port->memory ? "address" : "port", port->base);
	}
}

void say_open(struct loader *l)
{
	out.file = l->config.report_file[0] != 0;
	open_uart(l);
	out.loader = l;
	if (out.early_len)
		send(out.early);
}

void say_release(void)
{
	if (serial_return())
		out.uart = NULL; /* the firmware's console is on it again */
}

const char *say_status(EFI_STATUS status)
{
	static char text[64];
	CHAR16 wide[64];
	size_t n = 0;

	StatusToString(wide, status);
	for (; n < sizeof(text) - 1 && wide[n]; n++)
		text[n] = (char)wide[n];
	text[n] = 0;
	return text;
}
