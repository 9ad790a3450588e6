// SPDX-License-Identifier: MIT
/* Draws a chain of faults: a box for each fault, the event that was being delivered between two, and the end. */
#include "markup.h"
#include "svg.h"
#include "trace/vector.h"

#include <string.h>

#define WIDTH      780
#define BOX_HEIGHT 74
#define GAP        46
#define COLUMNS    100 /* characters of a box's line */

struct chain {
	FILE *out;
	const struct model *m;
	size_t story;
	int y;
};

void svg_style(FILE *out)
{
	fputs("<style>\n"
	      ".tl text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:#1f2328;white-space:pre}\n"
	      ".tl .back{fill:#ffffff}.tl .box{fill:#f6f8fa;stroke:#6e7781}.tl "
	      ".end{fill:#ffebe9;stroke:#cf222e}\n"
	      ".tl .line{stroke:#6e7781;fill:none}.tl .head{fill:#6e7781}.tl .faint{fill:#57606a}.tl "
	      ".bad{fill:#cf222e}\n"
	      ".tl .name{font-weight:bold}.tl .grid{stroke:#d0d7de}.tl .span{fill:#8c959f;opacity:.35}\n"
	      ".tl .dot{fill:#0969da}.tl .k0{fill:#cf222e}.tl .mark{fill:#1a7f37}.tl "
	      ".verdict{stroke:#cf222e;stroke-dasharray:4 3}\n"
	      "@media screen and (prefers-color-scheme:dark){\n"
	      ".tl text{fill:#e6edf3}.tl .back{fill:#0d1117}.tl .box{fill:#161b22;stroke:#8b949e}.tl "
	      ".end{fill:#3c1618;stroke:#f85149}\n"
	      ".tl .line{stroke:#8b949e}.tl .head{fill:#8b949e}.tl .faint{fill:#9198a1}.tl "
	      ".bad{fill:#f85149}\n"
	      ".tl .grid{stroke:#30363d}.tl .dot{fill:#4493f8}.tl .k0{fill:#f85149}.tl "
	      ".mark{fill:#3fb950}.tl .verdict{stroke:#f85149}}\n"
	      "</style>\n",
		out);
}

static void write_at(struct chain *c, int dy, const char *class, const char *text)
{
	fprintf(c->out, "<text x=\"16\" y=\"%d\" class=\"%s\">", c->y + dy, class);
	markup_cut(c->out, text, COLUMNS);
	fputs("</text>\n", c->out);
}

/* Writes the named fields in one line, without those that the entry does not have. */
static void write_fields(struct chain *c, int dy, const struct entry *e, const char *const *names)
{
	char text[512] = "";
	size_t n = 0;

	for (; *names; names++) {
		const char *value = entry_field(e, *names);

		if (value && n < sizeof(text))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s%s", n ? "   " : "",
				strcmp(*names, "insn") && strcmp(*names, "why") ? *names : "", "");
		if (value && n < sizeof(text))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s",
				strcmp(*names, "insn") && strcmp(*names, "why") ? "=" : "", value);
	}
	write_at(c, dy, "", text);
}

static const struct frame *frame_at(const struct entry *e)
{
	for (size_t i = 0; i < e->places; i++)
		if (!strcmp(e->place[i].field, "at") && e->place[i].frames)
			return e->place[i].frame;
	return NULL;
}

/* Writes the address, with function and line if symbols or the log name them. */
static void write_place(struct chain *c, int dy, const struct entry *e)
{
	const struct frame *f = frame_at(e);
	const char *at = entry_field(e, "at"), *sym = entry_field(e, "sym");
	char text[256];

	if (f && f->function)
		snprintf(text, sizeof(text), "%s   %s%s%s", at ? at : "", f->function, f->file ? " at " : "",
			f->file ? f->file : "");
	else
		snprintf(text, sizeof(text), "%s   %s", at ? at : "", sym ? sym : "");
	write_at(c, dy, "", text);
}

static void write_title(struct chain *c, const struct entry *e)
{
	const char *err = entry_field(e, "err");
	bool numbered = (e->known & KNOWN(VECTOR)) && e->record->vector < VECTOR_COUNT &&
			e->record->type != TRAP_TYPE_SOFTINT;
	char text[160];

	snprintf(text, sizeof(text), "%s %s%s%s", record_name(e),
		numbered ? vector_table[e->record->vector].name : "", err ? ", error code " : "",
		err ? err : "");
	write_at(c, 18, "name", text);
	snprintf(text, sizeof(text), "seq %s, cpu %s", entry_field(e, "seq"), entry_field(e, "cpu"));
	fprintf(c->out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\" class=\"faint\">", WIDTH - 16,
		c->y + 18);
	markup_cut(c->out, text, 40);
	fputs("</text>\n", c->out);
}

static void write_box(struct chain *c, int height, const char *class)
{
	fprintf(c->out, "<rect x=\"4\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\" class=\"%s\"/>\n", c->y,
		WIDTH - 8, height, class);
}

static void write_record(struct chain *c, const struct entry *e)
{
	static const char *const what[] = {"insn", "uses", NULL}, *const cause[] = {
									  "why", "sel", "cr2", NULL};

	write_box(c, BOX_HEIGHT, "box");
	write_title(c, e);
	write_place(c, 34, e);
	write_fields(c, 50, e, what);
	write_fields(c, 66, e, cause);
	c->y += BOX_HEIGHT;
}

/* Returns why the gate of a record's handler was not usable, or NULL. */
static const char *gate_fault(const struct model *m, size_t record)
{
	for (size_t i = 0; (i = entry_next(m, i, ENTRY_IDT)) != NO_ENTRY; i++)
		if (m->entry[i].of == record)
			return entry_field(&m->entry[i], "why");
	return NULL;
}

static void write_arrow(struct chain *c, const char *text, const char *bad)
{
	fprintf(c->out,
		"<path d=\"M32 %d V%d\" class=\"line\"/><path d=\"M27 %d l5 9 l5 -9 z\" class=\"head\"/>\n",
		c->y, c->y + GAP - 9, c->y + GAP - 9);
	fprintf(c->out, "<text x=\"48\" y=\"%d\" class=\"faint\">", c->y + GAP / 2 - 3);
	markup_cut(c->out, text, COLUMNS - 5);
	fputs("</text>\n", c->out);
	if (bad) {
		fprintf(c->out, "<text x=\"48\" y=\"%d\" class=\"bad\">its gate: ", c->y + GAP / 2 + 13);
		markup_cut(c->out, bad, COLUMNS - 15);
		fputs("</text>\n", c->out);
	}
	c->y += GAP;
}

static const char *arrow_text(const struct entry *next)
{
	static char text[128];
	const char *during = next ? entry_field(next, "during") : NULL,
		   *origin = next ? entry_field(next, "origin") : NULL;

	if (origin)
		snprintf(text, sizeof(text), "two faults in a row make a double fault (during %s)",
			during ? during : "the first");
	else if (during)
		snprintf(text, sizeof(text), "while the CPU delivers %s", during);
	else
		snprintf(text, sizeof(text), "%s", next ? "then" : "and then");
	return text;
}

/* The end of a story follows the first semicolon of its verdict. A triple fault has fixed words. */
static void write_end(struct chain *c)
{
	const struct story *s = &c->m->story[c->story];
	const char *verdict = s->verdict == NO_ENTRY ? "" : c->m->entry[s->verdict].text,
		   *tail = strchr(verdict, ';');
	char text[COLUMNS + 1];

	if (s->kind == ENTRY_TRIPLE)
		snprintf(text, sizeof(text), "triple fault: the CPU shuts down");
	else
		snprintf(text, sizeof(text), "%.*s", tail ? (int)strcspn(tail + 2, "\";:") : 0,
			tail ? tail + 2 : "");
	if (!*text)
		return;
	write_box(c, 28, "end");
	write_at(c, 18, "name", text);
	c->y += 28;
}

static size_t next_link(const struct chain *c, size_t from)
{
	const struct story *s = &c->m->story[c->story];
	bool triple = s->kind == ENTRY_TRIPLE;

	for (; from <= s->last && (from = record_next(c->m, from)) != NO_ENTRY && from <= s->last; from++)
		if (c->m->entry[from].story == c->story && !c->m->entry[from].before &&
			(triple || from == s->record))
			return from;
	return NO_ENTRY;
}

static int links(const struct chain *c)
{
	int n = 0;

	for (size_t i = c->m->story[c->story].first; (i = next_link(c, i)) != NO_ENTRY; i++)
		n++;
	return n;
}

static void write_links(struct chain *c)
{
	for (size_t i = c->m->story[c->story].first, next; (i = next_link(c, i)) != NO_ENTRY; i = next) {
		next = next_link(c, i + 1);
		write_record(c, &c->m->entry[i]);
		write_arrow(c, arrow_text(next == NO_ENTRY ? NULL : &c->m->entry[next]), gate_fault(c->m, i));
		if (next == NO_ENTRY)
			return;
	}
}

bool svg_chain(FILE *out, const struct model *m, size_t story, bool alone)
{
	struct chain c = {.out = out, .m = m, .story = story, .y = 4};
	int n = links(&c), height = 4 + n * (BOX_HEIGHT + GAP) + 36;

	if (!n)
		return false;
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"tl\" viewBox=\"0 0 %d %d\" role=\"img\">\n"
		"<title>From the first fault to the end</title>\n",
		WIDTH, height);
	if (alone) {
		svg_style(out);
		fprintf(out, "<rect class=\"back\" width=\"%d\" height=\"%d\"/>\n", WIDTH, height);
	}
	write_links(&c);
	write_end(&c);
	fputs("</svg>\n", out);
	return true;
}
