/* The loader's lines. Each goes to three places, so that one of them is seen whatever the machine has. */
#include <lib/printf.h>
#include <lib/string.h>
#include "loader.h"

#define LINE_MAX  320
#define EARLY_MAX 8192

static struct {
	const struct loader *loader; /* NULL: not opened */
	uint16_t uart;               /* 0: none */
	bool file;
	char early[EARLY_MAX]; /* what was said before the UART and the file were known */
	size_t early_len;
} out;

static void to_firmware(const char *text)
{
	CHAR16 wide[LINE_MAX * 2];
	size_t n = 0;

	for (; *text && n < LINE_MAX * 2 - 2; text++) {
		if (*text == '\n')
			wide[n++] = '\r';
		wide[n++] = (CHAR16)*text;
	}
	wide[n] = 0;
	ST->ConOut->OutputString(ST->ConOut, wide);
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

static void to_log(const char *text)
{
	size_t len = strlen(text);

	if (out.loader) {
		uart_write(out.uart, text);
		to_file(text);
	} else if (out.early_len + len < sizeof(out.early)) {
		memcpy(out.early + out.early_len, text, len + 1);
		out.early_len += len;
	}
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
	to_firmware(line);
	to_log(line);
}

void say_open(const struct loader *l)
{
	const struct trapline_config *c = &l->config;

	out.loader = l;
	if (c->console != CONSOLE_NONE && uart_open((uint16_t)c->console, c->baud))
		out.uart = (uint16_t)c->console;
	out.file = c->report_file[0] != 0;
	uart_write(out.uart, out.early);
	if (out.early[0])
		to_file(out.early);
	if (c->console != CONSOLE_NONE && !out.uart)
		say("no UART at 0x%x for the console; Trapline's log is not on a serial line", c->console);
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
