// SPDX-License-Identifier: MIT
/*
 * Writes the log, with names: function, module, file, line, and the functions that it was inlined into. A caller has them on its line,
 * other addresses below it.
 */
#include "terminal.h"
#include "writers.h"

#include <inttypes.h>
#include <string.h>

#define BOLD  "\033[1m"
#define GREEN "\033[32m"
#define PLAIN "\033[0m"

struct form {
	FILE *out;
	bool color, terminal;
};

/* The bytes come from the guest, or from a file of symbols. */
static void put_raw(const struct form *f, const char *bytes, size_t length)
{
	if (f->terminal)
		terminal_put(f->out, bytes, length);
	else
		fwrite(bytes, 1, length, f->out);
}

static void put(const struct form *f, const char *color, const char *text)
{
	fputs(f->color ? color : "", f->out);
	put_raw(f, text, strlen(text));
	fputs(f->color ? PLAIN : "", f->out);
}

static void put_frame(const struct form *f, const struct frame *frame)
{
	if (!frame->function) {
		fprintf(f->out, "[%s]+0x%" PRIx64, frame->module ? frame->module : "?", frame->offset);
		return;
	}
	put(f, BOLD, frame->function);
	if (!frame->inlined)
		fprintf(f->out, "+0x%" PRIx64, frame->offset);
	if (frame->module)
		fprintf(f->out, " [%s]", frame->module);
	if (!frame->file)
		return;
	fputc(' ', f->out);
	put(f, GREEN, frame->file);
	if (frame->line)
		fprintf(f->out, ":%d", frame->line);
}

static void begin_line(const struct form *f, const struct entry *e)
{
	fputs(e->last ? "last|     " : "    ", f->out);
}

static void end_line(const struct form *f, const struct entry *e)
{
	fputs(*e->end ? e->end : "\n", f->out);
}

static void put_inlined(const struct form *f, const struct entry *e, const struct place *p)
{
	for (size_t i = 1; i < p->frames; i++) {
		begin_line(f, e);
		fputs("  inlined in ", f->out);
		put_frame(f, &p->frame[i]);
		end_line(f, e);
	}
}

/* Each word of a stack gets its own name. */
static void put_place(const struct form *f, const struct entry *e, const struct place *p)
{
	begin_line(f, e);
	if (strcmp(p->field, "stack"))
		fprintf(f->out, "%s ", p->field);
	else
		fprintf(f->out, "0x%" PRIx64 " ", p->address);
	put_frame(f, &p->frame[0]);
	end_line(f, e);
	put_inlined(f, e, p);
}

static void put_entry(const struct form *f, const struct entry *e)
{
	bool behind = e->kind == ENTRY_BY && e->places;

	put_raw(f, e->raw, e->raw_length);
	if (behind) {
		fputs("  ", f->out);
		put_frame(f, &e->place[0].frame[0]);
	}
	if (e->places)
		end_line(f, e);
	else
		fputs(e->end, f->out);
	if (behind)
		put_inlined(f, e, &e->place[0]);
	for (size_t i = behind; i < e->places; i++)
		put_place(f, e, &e->place[i]);
}

int write_text(const struct model *m, FILE *out, const struct write_options *options)
{
	struct form f = {.out = out, .color = options->color, .terminal = options->terminal};

	for (size_t i = 0; i < m->entries; i++)
		put_entry(&f, &m->entry[i]);
	return 0;
}
