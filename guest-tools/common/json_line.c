// SPDX-License-Identifier: MIT
#include "json_line.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

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

static void write_escaped(FILE *out, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '"' || text[i] == '\\')
			putc('\\', out);
		putc(isprint((unsigned char)text[i]) ? text[i] : '?', out);
	}
}

void json_string(FILE *out, const char *text, size_t n)
{
	putc('"', out);
	write_escaped(out, text, n);
	putc('"', out);
}

/* The length up to the closing quote. */
static size_t quoted_length(const char *value)
{
	size_t n = 1;

	while (value[n] && value[n] != '"')
		n += value[n] == '\\' && value[n + 1] ? 2 : 1;
	return value[n] ? n + 1 : n;
}

/* JSON has more escapes than logfmt: any other \\ is a plain backslash. */
static void write_quoted(FILE *out, const char *value, size_t n)
{
	putc('"', out);
	for (size_t i = 1; i + 1 < n; i++) {
		bool escape = value[i] == '\\' && (value[i + 1] == '"' || value[i + 1] == '\\');

		i += escape;
		write_escaped(out, value + i, 1);
	}
	putc('"', out);
}

static const char *behind_value(const char *value)
{
	return value + (*value == '"' ? quoted_length(value) : strcspn(value, " "));
}

/* Code bytes are text even if all of them are digits. */
static const char *write_member(FILE *out, const char *at, size_t name)
{
	const char *value = at + name + 1;
	size_t n = (size_t)(behind_value(value) - value);

	putc(',', out);
	json_string(out, at, name);
	putc(':', out);
	if (*value == '"' && n > 1 && value[n - 1] == '"')
		write_quoted(out, value, n);
	else if (is_number(value, n) && strncmp(at, "code=", 5))
		fprintf(out, "%.*s", (int)n, value);
	else
		json_string(out, value, n);
	return value + n;
}

/* Words without a value are joined. */
static void write_words(FILE *out, const char *at)
{
	const char *between = ",\"text\":\"";

	while (*(at += strspn(at, " "))) {
		size_t n = strcspn(at, " =");

		if (at[n] == '=') {
			at = behind_value(at + n + 1);
			continue;
		}
		fputs(between, out);
		write_escaped(out, at, n);
		between = " ";
		at += n;
	}
	if (*between == ' ')
		putc('"', out);
}

void json_members(FILE *out, const char *fields)
{
	for (const char *at = fields; *(at += strspn(at, " "));) {
		size_t n = strcspn(at, " =");

		at = at[n] == '=' ? write_member(out, at, n) : at + n;
	}
	write_words(out, fields);
}

void json_line_members(FILE *out, const char *line)
{
	size_t n = strcspn(line, " ");

	fputs("\"kind\":", out);
	json_string(out, line, n);
	json_members(out, line + n);
}
