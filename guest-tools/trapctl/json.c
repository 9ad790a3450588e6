/* Prints one line of logfmt, unchanged or as a JSON object. */
#define _GNU_SOURCE
#include "trapctl.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool json;

/* A number in JSON (RFC 8259): no digit after a leading 0, a digit on both sides of the point. */
static bool is_number(const char *value, size_t n)
{
	size_t sign = *value == '-', whole, rest;

	value += sign;
	n -= sign;
	whole = strspn(value, "0123456789");
	if (whole > n)
		whole = n;
	if (!whole || (*value == '0' && whole > 1))
		return false;
	if (whole == n)
		return true;
	rest = strspn(value + whole + 1, "0123456789");
	return value[whole] == '.' && rest && whole + 1 + rest == n;
}

static void print_string(const char *text, size_t n)
{
	putchar('"');
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '"' || text[i] == '\\')
			putchar('\\');
		putchar(isprint((unsigned char)text[i]) ? text[i] : '?');
	}
	putchar('"');
}

/* The length up to the closing quote. logfmt has two escapes, and JSON has the same two. */
static size_t quoted_length(const char *value)
{
	size_t n = 1;

	while (value[n] && value[n] != '"')
		n += value[n] == '\\' && value[n + 1] ? 2 : 1;
	return value[n] ? n + 1 : n;
}

/* Code bytes are text even if all of them are digits. */
static const char *print_member(const char *at, size_t name)
{
	const char *value = at + name + 1;
	size_t n = *value == '"' ? quoted_length(value) : strcspn(value, " ");

	putchar(',');
	print_string(at, name);
	putchar(':');
	if (*value == '"' && n > 1 && value[n - 1] == '"')
		printf("%.*s", (int)n, value);
	else if (is_number(value, n) && strncmp(at, "code=", 5))
		printf("%.*s", (int)n, value);
	else
		print_string(value, n);
	return value + n;
}

/* Words without a value are joined. */
static void add_word(char *words, size_t size, const char *at, size_t n)
{
	size_t length = strlen(words);

	snprintf(words + length, size - length, "%s%.*s", length ? " " : "", (int)n, at);
}

static void print_object(const char *line)
{
	const char *at = line + strcspn(line, " ");
	char words[1024] = "";

	printf("{\"kind\":");
	print_string(line, (size_t)(at - line));
	while (*at) {
		size_t n;

		at += strspn(at, " ");
		n = strcspn(at, " =");
		if (at[n] == '=') {
			at = print_member(at, n);
			continue;
		}
		if (n)
			add_word(words, sizeof(words), at, n);
		at += n;
	}
	if (*words) {
		printf(",\"text\":");
		print_string(words, strlen(words));
	}
	printf("}\n");
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
