// SPDX-License-Identifier: MIT
/* Reads lines: a serial log, blackbox_file, report_file, the output of trapctl with and without --json. */
#include "read.h"

#include <string.h>

/* A longer line is split. No line of Trapline is that long. */
#define LINE_MAX_BYTES 16384

static bool is_record_kind(enum entry_kind kind)
{
	return kind == ENTRY_TRAP || kind == ENTRY_MARK || kind == ENTRY_WATCH;
}

static void take_line(struct model *m, struct entry *e, const char *line, size_t length)
{
	char clean[LINE_MAX_BYTES + 1];
	const char *text = clean, *at;

	clean_line(clean, line, length);
	json_line(m, clean, strlen(clean), &text);
	e->kind = line_kind(text, e, &at);
	e->text = model_text(m, at, strlen(at));
	if (e->kind == ENTRY_OTHER)
		return;
	logfmt_split(m, e);
	if (is_record_kind(e->kind))
		record_of_fields(m, e);
}

/* Finds the end of the line and its line end, which may be CR LF, or several CRs. */
static size_t end_of(struct model *m, const char *line, size_t length, const char **end)
{
	size_t n = length;

	while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		n--;
	*end = model_text(m, line + n, length - n);
	return n;
}

void read_text(struct model *m, unsigned source, const char *bytes, size_t length)
{
	size_t number = 0;

	while (length) {
		size_t most = length < LINE_MAX_BYTES ? length : LINE_MAX_BYTES;
		const char *newline = memchr(bytes, '\n', most);
		size_t n = newline ? (size_t)(newline - bytes) + 1 : most;
		struct entry *e = model_add(m, ENTRY_OTHER);

		e->source = source;
		e->line = ++number;
		e->raw_length = end_of(m, bytes, n, &e->end);
		e->raw = model_text(m, bytes, e->raw_length);
		take_line(m, e, bytes, e->raw_length);
		bytes += n;
		length -= n;
	}
}
