// SPDX-License-Identifier: MIT
#include "html.h"
#include "markup.h"

#include <inttypes.h>
#include <string.h>

void html_cell(FILE *out, const char *tag, const char *text)
{
	fprintf(out, "<%s>", tag);
	markup(out, text ? text : "");
	fprintf(out, "</%s>", tag);
}

void html_fields(FILE *out, const struct entry *e)
{
	fputs("<table class=\"fields\">\n", out);
	for (size_t i = 0; i < e->fields; i++) {
		if (!*e->field[i].name)
			continue;
		fputs("<tr>", out);
		html_cell(out, "th", e->field[i].name);
		html_cell(out, "td", e->field[i].value);
		fputs("</tr>\n", out);
	}
	fputs("</table>\n", out);
}

static void write_frame(FILE *out, const struct frame *f)
{
	fputs("<div class=\"place\">", out);
	html_cell(out, "b", f->function ? f->function : "?");
	if (f->function && !f->inlined)
		fprintf(out, "+0x%" PRIx64, f->offset);
	if (f->module) {
		fputs(" [", out);
		markup(out, f->module);
		fputs("]", out);
	}
	if (f->file) {
		fputs(" at ", out);
		markup(out, f->file);
	}
	if (f->line)
		fprintf(out, ":%d", f->line);
	fputs(f->inlined ? " (inlined)</div>" : "</div>", out);
}

/* The log's own names count if no symbols were given. */
void html_places(FILE *out, const struct entry *e, const char *field)
{
	const char *sym = entry_field(e, "sym");
	bool any = false;

	for (size_t i = 0; i < e->places; i++) {
		if (field && strcmp(e->place[i].field, field))
			continue;
		for (size_t k = 0; k < e->place[i].frames; k++, any = true)
			write_frame(out, &e->place[i].frame[k]);
	}
	if (any || !sym)
		return;
	fputs("<div class=\"place\">", out);
	html_cell(out, "b", sym);
	fputs("</div>", out);
}
