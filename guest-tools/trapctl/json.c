// SPDX-License-Identifier: MIT
/* Prints one line of logfmt, unchanged or as a JSON object. */
#define _GNU_SOURCE
#include "trapctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "../common/json_line.h"

bool json;

static void print_object(const char *line)
{
	putchar('{');
	json_line_members(stdout, line);
	puts("}");
}

void print_line(const char *line)
{
	if (json)
		print_object(line);
	else
		puts(line);
}

void print_fields(const char *format, ...)
{
	va_list list;
	char *line;
	int n;

	va_start(list, format);
	n = vasprintf(&line, format, list);
	va_end(list);
	if (n < 0)
		exit(STATUS_FAILED);
	print_line(line);
	free(line);
}
