// SPDX-License-Identifier: MIT
/* Writes each line as a JSON object. A record has the members that trapctl prints, and more after them. */
#define _GNU_SOURCE
#include "../common/json_line.h"
#include "timeline.h"
#include "writers.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *begins(enum entry_kind kind)
{
	static const char *const texts[] = {
		[ENTRY_OTHER] = "",
		[ENTRY_RECORD] = "",
#define ENTRY_KIND(enumerator, name, begins, where, meaning) [ENTRY_##enumerator] = begins,
#include "kinds.def"
#undef ENTRY_KIND
	};

	return texts[kind];
}

/* Skips the words that identify the kind. */
static const char *fields_of(const struct entry *e)
{
	const char *begin = begins(e->kind), *blank = strrchr(begin, ' ');
	size_t n = blank ? (size_t)(blank - begin) + 1 : strlen(begin);

	return strncmp(e->text, begin, n) ? e->text : e->text + n;
}

static void write_text_member(FILE *out, const char *text, size_t n)
{
	if (!n)
		return;
	fputs(",\"text\":", out);
	json_string(out, text, n);
}

/* A verdict is one quoted text. */
static void write_verdict(FILE *out, const struct entry *e)
{
	const char *quoted = strchr(e->text, '"');
	char *field;

	if (quoted && asprintf(&field, "text=%s", quoted) >= 0) {
		json_members(out, field);
		free(field);
	} else {
		json_members(out, fields_of(e));
	}
}

/* "r8 =00000000ffffffff" is r8=0x00000000ffffffff: numbers are written with 0x everywhere else. */
static void write_registers(FILE *out, const struct entry *e)
{
	size_t room = 3 * strlen(e->text) + 1, n = 0;
	char *fields = malloc(room);

	for (const char *c = fields_of(e); fields && *c; c++) {
		if (*c == ' ' && c[1] == '=')
			continue;
		fields[n++] = *c;
		if (*c == '=' && isxdigit((unsigned char)c[1]) && c[2] != 'x') {
			fields[n++] = '0';
			fields[n++] = 'x';
		}
	}
	if (fields) {
		fields[n] = '\0';
		json_members(out, fields);
	}
	free(fields);
}

static void write_known(FILE *out, const struct entry *e)
{
	if (e->record) {
		json_line_members(out, e->text);
		return;
	}
	fputs("\"kind\":", out);
	json_string(out, kind_name(e->kind), strlen(kind_name(e->kind)));
	if (e->kind == ENTRY_VERDICT)
		write_verdict(out, e);
	else if (e->kind == ENTRY_REGS)
		write_registers(out, e);
	else if (e->kind == ENTRY_OTHER)
		write_text_member(out, e->text, strlen(e->text));
	else
		json_members(out, fields_of(e));
}

static void write_named(FILE *out, const char *name, const char *text)
{
	if (!text)
		return;
	fprintf(out, ",\"%s\":", name);
	json_string(out, text, strlen(text));
}

static void write_frame(FILE *out, const struct place *p, const struct frame *f)
{
	fprintf(out, "{\"field\":");
	json_string(out, p->field, strlen(p->field));
	fprintf(out, ",\"address\":\"0x%" PRIx64 "\"", p->address);
	write_named(out, "function", f->function);
	if (f->function && !f->inlined)
		fprintf(out, ",\"offset\":%" PRIu64, f->offset);
	write_named(out, "module", f->module);
	write_named(out, "file", f->file);
	if (f->line)
		fprintf(out, ",\"line\":%d", f->line);
	fprintf(out, ",\"inlined\":%s}", f->inlined ? "true" : "false");
}

/* Innermost first. */
static void write_places(FILE *out, const struct entry *e)
{
	const char *between = ",\"places\":[";

	for (size_t i = 0; i < e->places; i++)
		for (size_t k = 0; k < e->place[i].frames; k++) {
			fputs(between, out);
			write_frame(out, &e->place[i], &e->place[i].frame[k]);
			between = ",";
		}
	if (*between == ',' && !between[1])
		putc(']', out);
}

#define YEAR_2000 946684800

/* Some tools need a date. Trapline became active at the start of 2000, and so did lines before the first time. */
static void write_time(FILE *out, int64_t us)
{
	time_t date = YEAR_2000 + (time_t)(us == NOT_KNOWN ? 0 : us / 1000000);
	char text[32];

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", gmtime(&date));
	fprintf(out, ",\"time\":\"%s.%06d\"", text, us == NOT_KNOWN ? 0 : (int)(us % 1000000));
}

static void write_entry(FILE *out, const struct entry *e, int64_t us)
{
	putc('{', out);
	write_known(out, e);
	fprintf(out, ",\"run\":%u", e->run);
	if (us != NOT_KNOWN)
		fprintf(out, ",\"us\":%" PRId64, us);
	write_time(out, us);
	if (e->story != NO_STORY)
		fprintf(out, ",\"story\":%u", e->story);
	if (e->last)
		fputs(",\"last\":true", out);
	write_places(out, e);
	fputs("}\n", out);
}

int write_json(const struct model *m, FILE *out, const struct write_options *options)
{
	struct timeline t;

	timeline_make(&t, m);
	for (size_t i = 0; i < m->entries; i++)
		write_entry(out, &m->entry[i], t.at[i]);
	timeline_free(&t);
	return 0;
}
