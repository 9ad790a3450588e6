// SPDX-License-Identifier: MIT
/* Reads a line of trapctl's --json: an object of strings and numbers (RFC 8259). A nested object is from another program. */
#include "read.h"

#include <stdio.h>
#include <string.h>

struct out {
	char *text;
	size_t length, room;
};

static void put(struct out *o, char c)
{
	if (o->length + 1 < o->room)
		o->text[o->length++] = c;
}

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " ");
}

static char escaped(char c)
{
	return c == '"' || c == '\\' || c == '/' ? c : '.';
}

/* Returns the position after the closing quote, or NULL if there is none. `quoted`: the value needs quotes in logfmt. */
static const char *take_string(struct out *o, const char *at, bool quoted)
{
	if (*at++ != '"')
		return NULL;
	for (; *at && *at != '"'; at++) {
		char c = *at;

		if (c == '\\' && !*++at)
			return NULL;
		if (c == '\\') {
			c = escaped(*at);
			if (*at == 'u')
				at += strnlen(at + 1, 4);
		}
		if (quoted && (c == '"' || c == '\\'))
			put(o, '\\');
		put(o, c);
	}
	return *at ? at + 1 : NULL;
}

static bool is_plain(const char *at)
{
	size_t n = strcspn(at + 1, "\" =\\");

	return n && at[1 + n] == '"';
}

static const char *take_value(struct out *o, const char *at)
{
	bool quoted = *at == '"' && !is_plain(at);
	size_t n = strspn(at, "+-.0123456789eEaflnrstu");

	if (quoted)
		put(o, '"');
	if (*at == '"')
		at = take_string(o, at, quoted);
	else
		for (; n; n--)
			put(o, *at++);
	if (quoted)
		put(o, '"');
	return at;
}

/* Returns the position after the member. `kind` is the first word of the line. */
static const char *take_member(struct out *o, const char *at)
{
	struct out name = {.text = (char[64]){0}, .room = 64};

	at = take_string(&name, at, false);
	if (!at)
		return NULL;
	at = skip_blanks(at);
	if (*at++ != ':')
		return NULL;
	at = skip_blanks(at);
	if (*at == '{' || *at == '[')
		return NULL;
	if (strcmp(name.text, "kind")) {
		put(o, ' ');
		for (size_t i = 0; i < name.length; i++)
			put(o, name.text[i]);
		put(o, '=');
		return take_value(o, at);
	}
	return o->length ? NULL : take_string(o, at, false);
}

bool json_line(struct model *m, const char *line, size_t length, const char **text)
{
	struct out o = {.room = 2 * length + 1};
	const char *at = skip_blanks(line);

	if (strncmp(at, "{\"kind\":", 8))
		return false;
	o.text = model_alloc(m, o.room);
	do {
		at = take_member(&o, skip_blanks(at + 1));
		if (!at)
			return false;
		at = skip_blanks(at);
	} while (*at == ',');
	if (*at != '}')
		return false;
	*text = o.text;
	return true;
}
