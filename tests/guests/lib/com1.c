// SPDX-License-Identifier: MIT
#include <stdarg.h>

#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/printf.h"

#define COM1          0x3f8
#define COM1_DATA     (COM1 + 0)
#define COM1_LSR      (COM1 + 5)
#define COM1_LSR_THRE 0x20
#define LINE_MAX      512

/* A missing UART reads as 0xff and looks ready, so this always ends. */
static void put(char c)
{
	while (!(inb(COM1_LSR) & COM1_LSR_THRE))
		;
	outb(COM1_DATA, c);
}

void print(const char *format, ...)
{
	char line[LINE_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	for (const char *c = line; *c; c++) {
		if (*c == '\n')
			put('\r');
		put(*c);
	}
}
