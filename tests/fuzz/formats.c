// SPDX-License-Identifier: MIT
/*
 * libFuzzer: any log or records, in every form that trapline-decode writes to a stream. JSON is JSON, whatever the log says, and HTML
 * and SVG have no element that the writers do not have.
 */
#define _GNU_SOURCE
#include "input.h"
#include <stdarg.h>
#include <stdio.h>
#include "../../guest-tools/decode/options.h"

#define DEPTH_MAX 8

void complain(const char *format, ...)
{
}

static const char *skip_value(const char *at, int depth);

/* Behind a string, a number, a list or an object; NULL: it is none (RFC 8259). */
static const char *skip_string(const char *at)
{
	if (*at++ != '"')
		return NULL;
	for (; *at != '"'; at++)
		if (*at < ' ' || *at > '~' || (*at == '\\' && !strchr("\"\\", *++at)))
			return NULL;
	return at + 1;
}

static const char *skip_number(const char *at)
{
	size_t sign = *at == '-', whole = strspn(at + sign, "0123456789");

	at += sign;
	if (!whole || (*at == '0' && whole > 1))
		return NULL;
	at += whole;
	if (*at != '.')
		return at;
	whole = strspn(at + 1, "0123456789");
	return whole ? at + 1 + whole : NULL;
}

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, "\n ");
}

static const char *skip_members(const char *at, char end, int depth)
{
	at = skip_blanks(at);
	if (*at == end)
		return at + 1;
	for (;;) {
		if (end == '}') {
			at = skip_string(skip_blanks(at));
			if (!at || *at++ != ':')
				return NULL;
		}
		at = skip_value(skip_blanks(at), depth + 1);
		if (!at)
			return NULL;
		at = skip_blanks(at);
		if (*at == end)
			return at + 1;
		if (*at++ != ',')
			return NULL;
	}
}

static const char *skip_value(const char *at, int depth)
{
	assert(depth < DEPTH_MAX);
	if (*at == '"')
		return skip_string(at);
	if (*at == '{' || *at == '[')
		return skip_members(at + 1, *at == '{' ? '}' : ']', depth);
	if (!strncmp(at, "true", 4))
		return at + 4;
	return strncmp(at, "false", 5) ? skip_number(at) : at + 5;
}

static void check_json(const char *text)
{
	for (const char *at = text; *at; at++) {
		at = skip_value(at, 0);
		assert(at && *at == '\n');
	}
}

static bool is_ours(const char *name, size_t n)
{
	static const char *const names[] = {"!DOCTYPE", "html", "head", "meta", "title", "style", "body",
		"h1", "h2", "h3", "h4", "p", "section", "table", "tr", "th", "td", "details", "summary",
		"pre", "b", "code", "span", "div", "svg", "text", "rect", "path"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == n && !strncmp(names[i], name, n))
			return true;
	return false;
}

/* An element's name, and no quote that a text could have opened. */
static void check_markup(const char *text)
{
	for (const char *at = strchr(text, '<'); at; at = strchr(at, '<')) {
		const char *end;

		at += 1 + (at[1] == '/');
		assert(is_ours(at, strcspn(at, " >/")));
		end = strchr(at, '>');
		assert(end && !memchr(at, '<', (size_t)(end - at)));
	}
}

static void check(const struct model *m, writer *write, void (*look)(const char *text))
{
	struct write_options options = {.title = "<title>"};
	size_t length = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &length);

	assert(out);
	write(m, out, &options);
	fclose(out);
	assert(strlen(text) == length);
	if (look)
		look(text);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct model m;

	model_begin(&m);
	read_any(&m, 0, (const char *)data, size);
	link_entries(&m);
	check(&m, write_json, check_json);
	check(&m, write_chrome, check_json);
	check(&m, write_html, check_markup);
	check(&m, write_chain_svg, check_markup);
	check(&m, write_timeline_svg, check_markup);
	check(&m, write_ctf_metadata, NULL);
	model_end(&m);
	return 0;
}
