// SPDX-License-Identifier: MIT
/* The loader's lines. Each goes to three places, because not every machine has all of them. */
#include <lib/printf.h>
#include <cpuid.h>
#include <lib/string.h>
#include <trapline/services.h>
#include "loader.h"
#include "hw/ns16550.h"

#define LINE_MAX  320
#define EARLY_MAX 8192
#define PREFIX    "trapline: "

static struct {
	const struct loader *loader;  /* NULL: lines are stored, not sent */
	const struct uart_port *uart; /* NULL: none */
	bool guest;                   /* the VMM owns the UART and prints for the loader */
	bool file;
	char early[EARLY_MAX]; /* lines from before say_open() */
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

/* A volume that is full or write-protected is reported once; the other two places are enough. */
static void to_file(const char *text)
{
	if (!out.file)
		return;
	EFI_STATUS status = file_append(out.loader, out.loader->config.report_file, text);
	if (!EFI_ERROR(status))
		return;
	out.file = false;
	say("report_file %s cannot be written (%s); continuing without it", out.loader->config.report_file,
		say_status(status));
}

/* AMD's instruction is VMMCALL, Hygon's too. The other vendor's would need trapline.conf's `intercept` to contain #UD. */
static bool is_amd(void)
{
	uint32_t eax, ebx, ecx, edx;

	__cpuid(0, eax, ebx, ecx, edx);
	return ebx == signature_AMD_ebx || ebx == 0x6f677948; /* "Hygo" of HygonGenuine */
}

/* A VMCALL with four arguments (docs/vmcall.md). Its result is not used. */
static void call_vmm(uint64_t number, uint64_t b, uint64_t c, uint64_t s, uint64_t d)
{
	if (is_amd())
		__asm__ volatile("vmmcall"
				 : "+a"(number)
				 : "b"(b), "c"(c), "d"(0), "S"(s), "D"(d)
				 : "memory");
	else
		__asm__ volatile("vmcall" : "+a"(number) : "b"(b), "c"(c), "d"(0), "S"(s), "D"(d) : "memory");
}

static void vmm_say(const char *text, size_t len)
{
	call_vmm(TRAPLINE_CALL_say, (uint64_t)text, len, 0, 0);
}

void say_image(const char *name, uint64_t base, uint64_t size)
{
	size_t length = strlen(name);

	if (out.guest && length && length <= TRAPLINE_TEXT_MAX)
		call_vmm(TRAPLINE_CALL_image, (uint64_t)name, length, base, size);
}

/* How many bytes of a line fit into one message: up to a blank, if there is one. */
static size_t message_length(const char *text, size_t len)
{
	size_t n = TRAPLINE_TEXT_MAX;

	if (len <= n)
		return len;
	while (n && text[n - 1] != ' ')
		n--;
	return n ? n : TRAPLINE_TEXT_MAX;
}

/* Sends a line as one or more messages. */
static void to_vmm(const char *text)
{
	char line[LINE_MAX];
	size_t len = 0, n;

	text += strncmp(text, PREFIX, sizeof(PREFIX) - 1) ? 0 : sizeof(PREFIX) - 1;
	for (; text[len] && text[len] != '\n' && len < sizeof(line); len++)
		line[len] = text[len] == '\\' ? '/' : text[len]; /* a message cannot contain backslashes */
	for (const char *at = line; len; at += n, len -= n) {
		n = message_length(at, len);
		vmm_say(at, n);
	}
}

static void to_uart(const char *text)
{
	if (out.guest)
		to_vmm(text);
	else if (out.uart)
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
	static const char prefix[] = PREFIX;
	char line[LINE_MAX];
	va_list ap;

	memcpy(line, prefix, sizeof(prefix));
	va_start(ap, fmt);
	/* One byte is reserved for the newline. */
	vsnprintf(line + sizeof(prefix) - 1, sizeof(line) - sizeof(prefix), fmt, ap);
	va_end(ap);
	memcpy(line + strlen(line), "\n", 2);
	if (out.loader)
		send(line);
	else
		keep(line);
}

void say_through_vmm(void)
{
	out.guest = true;
}

/* If the loader already runs as Trapline's guest it leaves the UART alone: the VMM owns it, and may hide it. */
static void open_uart(struct loader *l)
{
	const struct uart_port *port = &l->console;

	if (cpu_is_guest()) {
		say_through_vmm();
		return;
	}
	if (!port->base)
		return;
	out.uart = port;
	pci_enable(port);
	if (ns16550_answers(port)) {
		if (l->config.hide_console && !serial_take(port)) {
			/* The firmware's driver would read ones for ever from a hidden UART. */
			l->config.hide_console = false;
			say("the firmware keeps using the console's UART: it is not hidden");
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

bool say_has_uart(void)
{
	return out.uart != NULL;
}

void say_release(void)
{
	if (serial_return())
		out.uart = NULL; /* the firmware's console uses it again */
}

/* UEFI specification, appendix D. */
#define STATUSES(X)                                                                                          \
	X(LOAD_ERROR)                                                                                        \
	X(INVALID_PARAMETER)                                                                                 \
	X(UNSUPPORTED)                                                                                       \
	X(BAD_BUFFER_SIZE)                                                                                   \
	X(BUFFER_TOO_SMALL)                                                                                  \
	X(NOT_READY)                                                                                         \
	X(DEVICE_ERROR)                                                                                      \
	X(WRITE_PROTECTED)                                                                                   \
	X(OUT_OF_RESOURCES)                                                                                  \
	X(VOLUME_CORRUPTED)                                                                                  \
	X(VOLUME_FULL)                                                                                       \
	X(NO_MEDIA)                                                                                          \
	X(MEDIA_CHANGED)                                                                                     \
	X(NOT_FOUND)                                                                                         \
	X(ACCESS_DENIED)                                                                                     \
	X(NO_RESPONSE)                                                                                       \
	X(NO_MAPPING)                                                                                        \
	X(TIMEOUT)                                                                                           \
	X(NOT_STARTED)                                                                                       \
	X(ALREADY_STARTED)                                                                                   \
	X(ABORTED)                                                                                           \
	X(PROTOCOL_ERROR)                                                                                    \
	X(INCOMPATIBLE_VERSION)                                                                              \
	X(SECURITY_VIOLATION)                                                                                \
	X(CRC_ERROR)                                                                                         \
	X(COMPROMISED_DATA)

const char *say_status(EFI_STATUS status)
{
	static char number[32];

#define X(name)                                                                                              \
	if (status == EFI_##name)                                                                            \
		return "EFI_" #name;
	STATUSES(X)
#undef X
	snprintf(number, sizeof(number), "EFI_STATUS 0x%lx", status);
	return number;
}
