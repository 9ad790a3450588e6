// SPDX-License-Identifier: MIT
#include "html.h"
#include "markup.h"
#include "svg.h"

#include <string.h>

static bool is_of(const struct model *m, size_t i, enum entry_kind kind, size_t record)
{
	return m->entry[i].kind == kind && m->entry[i].of == record;
}

static bool has(const struct model *m, enum entry_kind kind, size_t record)
{
	for (size_t i = record + 1; i < m->entries && !m->entry[i].record; i++)
		if (is_of(m, i, kind, record))
			return true;
	return false;
}

/* The lines that belong to a record follow it, up to the next record. */
#define EACH_OF(m, i, kind, record)                                                                          \
	for (size_t i = (record) + 1; i < (m)->entries && !(m)->entry[i].record; i++)                        \
		if (is_of(m, i, kind, record))

static void write_callers(const struct html *h, size_t record)
{
	if (!has(h->m, ENTRY_BY, record))
		return;
	fputs("<h4>Who called</h4>\n<table><tr><th>return address</th><th>function</th><th>how it was "
	      "found</th><th>where</th></tr>\n",
		h->out);
	EACH_OF(h->m, i, ENTRY_BY, record)
	{
		const struct entry *e = &h->m->entry[i];

		fputs("<tr>", h->out);
		html_cell(h->out, "td", entry_word(e, 1));
		fputs("<td>", h->out);
		html_places(h->out, e, NULL);
		fputs("</td>", h->out);
		html_cell(h->out, "td", entry_field(e, "how"));
		html_cell(h->out, "td", entry_field(e, "stack"));
		fputs("</tr>\n", h->out);
	}
	fputs("</table>\n", h->out);
}

static void write_level(FILE *out, const struct entry *e)
{
	const char *why = entry_field(e, "why");

	fprintf(out, "<tr%s>", why ? " class=\"bad\"" : "");
	html_cell(out, "td", entry_word(e, 1));
	html_cell(out, "td", entry_field(e, "at"));
	html_cell(out, "td", entry_field(e, "entry"));
	html_cell(out, "td", entry_field(e, "bits"));
	html_cell(out, "td", why);
	fputs("</tr>\n", out);
}

/* The first line of a walk names its address. */
static void write_walk(const struct html *h, size_t record)
{
	if (!has(h->m, ENTRY_WALK, record))
		return;
	fputs("<h4>Page walk</h4>\n<table>", h->out);
	EACH_OF(h->m, i, ENTRY_WALK, record)
	{
		const struct entry *e = &h->m->entry[i];

		if (entry_field(e, "linear")) {
			fputs("<tr><td colspan=\"5\">", h->out);
			markup(h->out, e->text);
			fputs("</td></tr>\n<tr><th>level</th><th>entry "
			      "at</th><th>entry</th><th>bits</th><th>refuses</th></tr>\n",
				h->out);
		} else {
			write_level(h->out, e);
		}
	}
	fputs("</table>\n", h->out);
}

static void write_gates(const struct html *h, size_t record)
{
	EACH_OF(h->m, i, ENTRY_IDT, record)
	{
		fputs("<h4>The gate to its handler</h4>\n", h->out);
		html_fields(h->out, &h->m->entry[i]);
	}
}

static void write_lines(const struct html *h, size_t record, enum entry_kind kind, const char *title)
{
	if (!has(h->m, kind, record))
		return;
	fprintf(h->out, "<details><summary>%s</summary><pre>", title);
	EACH_OF(h->m, i, kind, record)
	{
		markup(h->out, h->m->entry[i].text);
		fputs("\n", h->out);
	}
	fputs("</pre></details>\n", h->out);
}

/* The story's own record is open, the others are folded. */
static void write_record(const struct html *h, size_t record, bool open)
{
	const struct entry *e = &h->m->entry[record];

	fprintf(h->out, "<details class=\"record\"%s><summary><b>", open ? " open" : "");
	markup(h->out, record_name(e));
	fputs(" at ", h->out);
	markup(h->out, entry_field(e, "at") ? entry_field(e, "at") : "?");
	fputs("</b></summary>\n", h->out);
	html_places(h->out, e, "at");
	html_fields(h->out, e);
	write_callers(h, record);
	write_walk(h, record);
	write_gates(h, record);
	write_lines(h, record, ENTRY_REGS, "Registers");
	write_lines(h, record, ENTRY_STACK, "Stack");
	fputs("</details>\n", h->out);
}

static void write_title(const struct html *h, const struct story *s)
{
	const struct entry *e = &h->m->entry[s->verdict == NO_ENTRY ? s->first : s->verdict];
	const char *quoted = strchr(e->text, '"');
	size_t n = quoted ? strlen(quoted) : 0;

	fprintf(h->out, "<h2>%s</h2>\n<p class=\"verdict\">",
		s->again  ? "And then"
		: e->last ? "What ended the previous run"
			  : "What ended it");
	if (n > 2 && quoted[n - 1] == '"')
		for (size_t i = 1; i < n - 1; i++) {
			char one[2] = {quoted[i], 0};

			i += quoted[i] == '\\' && i + 2 < n;
			one[0] = quoted[i];
			markup(h->out, one);
		}
	else
		markup(h->out, e->text);
	fputs("</p>\n", h->out);
}

static void write_story(const struct html *h, size_t story)
{
	const struct story *s = &h->m->story[story];

	fputs("<section>\n", h->out);
	write_title(h, s);
	if (!s->again) {
		svg_chain(h->out, h->m, story, false);
		for (size_t i = s->first;
			i <= s->last && (i = record_next(h->m, i)) != NO_ENTRY && i <= s->last; i++)
			if (h->m->entry[i].story == story && !h->m->entry[i].before)
				write_record(h, i, i == s->record);
	}
	fputs("</section>\n", h->out);
}

void html_stories(const struct html *h)
{
	for (size_t i = 1; i < h->m->stories; i++)
		write_story(h, i);
}
