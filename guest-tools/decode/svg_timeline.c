// SPDX-License-Identifier: MIT
/* Draws exceptions by time, one row for each CPU and vector. All records of one pixel are one bar; its height shows their number. */
#include "markup.h"
#include "svg.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH   780
#define LEFT    128
#define PLOT    (WIDTH - LEFT - 16) /* pixels of time */
#define ROW     18
#define TOP     24
#define CPU_GAP 10
#define MARKS   512 /* their row: after those of exceptions, and of INT n */

struct plot {
	FILE *out;
	const struct model *m;
	const struct timeline *t;
	unsigned run;
	struct moment *shown; /* by CPU, row and time */
	size_t count;
	int64_t from, length; /* us */
	int y;
};

/* INT 4 is not #OF. */
static unsigned row_of(const struct moment *r)
{
	const struct trap_record *record = r->e->record;

	if (record->type == TRAP_TYPE_MARK || record->type == TRAP_TYPE_WATCH)
		return MARKS;
	return record->vector +
	       (record->type == TRAP_TYPE_SOFTINT || record->type == TRAP_TYPE_EXTINT ? 256 : 0);
}

static int by_row(const void *left, const void *right)
{
	const struct moment *a = left, *b = right;

	if (a->e->record->cpu != b->e->record->cpu)
		return a->e->record->cpu < b->e->record->cpu ? -1 : 1;
	if (row_of(a) != row_of(b))
		return row_of(a) < row_of(b) ? -1 : 1;
	return (a->us > b->us) - (a->us < b->us);
}

/* Counts the records from the i-th on that share its CPU, or (`row`) its CPU and its row. */
static size_t group(const struct plot *p, size_t i, bool row)
{
	const struct moment *first = &p->shown[i];
	size_t n = 1;

	while (i + n < p->count && first[n].e->record->cpu == first->e->record->cpu &&
		(!row || row_of(&first[n]) == row_of(first)))
		n++;
	return n;
}

static int pixel(const struct plot *p, int64_t us)
{
	double x = (double)(us - p->from) * (PLOT - 1) / (double)p->length;

	return x < 0 ? 0 : x >= PLOT ? PLOT - 1 : (int)x;
}

/* One record is 5 pixels high. Each doubling adds 3. */
static int bar_height(size_t count)
{
	int height = 5;

	for (; count > 1 && height < ROW - 4; count /= 2)
		height += 3;
	return height;
}

/* Exceptions of the kernel have their own colour, because they matter most. */
static const char *color_of(const struct moment *r, size_t n)
{
	if (row_of(r) == MARKS)
		return "mark";
	for (size_t i = 0; i < n; i++)
		if ((r[i].e->known & KNOWN(CPL)) && r[i].e->record->cpl < 3)
			return "k0";
	return "dot";
}

static void write_bars(const struct plot *p, const struct moment *r, size_t n)
{
	for (size_t i = 0, same; i < n; i += same) {
		int x = pixel(p, r[i].us), height;

		for (same = 1; i + same < n && pixel(p, r[i + same].us) == x;)
			same++;
		height = bar_height(same);
		fprintf(p->out,
			"<rect x=\"%d\" y=\"%d\" width=\"2\" height=\"%d\" "
			"class=\"%s\"><title>%zu</title></rect>\n",
			LEFT + x, p->y + ROW - 2 - height, height, color_of(&r[i], same), same);
	}
}

static void write_row(struct plot *p, const struct moment *r, size_t n)
{
	int base = p->y + ROW - 5;

	fprintf(p->out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", LEFT - 46, base);
	markup_cut(p->out, record_name(r->e), 10);
	fprintf(p->out, "</text><text x=\"%d\" y=\"%d\" text-anchor=\"end\" class=\"faint\">%zu</text>\n",
		LEFT - 8, base, n);
	fprintf(p->out, "<path d=\"M%d %d H%d\" class=\"grid\"/>\n", LEFT, p->y + ROW - 2, LEFT + PLOT);
	write_bars(p, r, n);
	p->y += ROW;
}

static void write_spans(const struct plot *p, int cpu, int top)
{
	for (size_t i = 0; i < p->t->spans; i++) {
		const struct span *s = &p->t->span[i];
		int from = pixel(p, s->from), until = pixel(p, s->until);

		if (s->run == p->run && s->cpu == cpu)
			fprintf(p->out,
				"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
				"class=\"span\"><title>%s</title></rect>\n",
				LEFT + from, top, until - from + 1, p->y - top, s->what);
	}
}

static void write_cpu(struct plot *p, size_t first, size_t count)
{
	int top = p->y, cpu = p->shown[first].e->record->cpu;

	for (size_t i = first, n; i < first + count; i += n) {
		n = group(p, i, true);
		write_row(p, &p->shown[i], n);
	}
	fprintf(p->out, "<text x=\"4\" y=\"%d\" class=\"name\">CPU %d</text>\n", top + ROW - 5, cpu);
	write_spans(p, cpu, top);
	p->y += CPU_GAP;
}

static int64_t nice_step(int64_t length)
{
	static const int factor[] = {2, 5, 10};
	int64_t unit = 1;

	for (;; unit *= 10) {
		if (length / unit <= 8)
			return unit;
		for (int i = 0; i < 2; i++)
			if (length / (unit * factor[i]) <= 8)
				return unit * factor[i];
	}
}

static void write_axis(const struct plot *p)
{
	int64_t step = nice_step(p->length);
	int digits = step >= 1000000 ? 0 : step >= 100000 ? 1 : step >= 10000 ? 2 : step >= 1000 ? 3 : 6;

	for (int64_t us = (p->from + step - 1) / step * step; us <= p->from + p->length; us += step) {
		int x = LEFT + pixel(p, us);

		fprintf(p->out, "<path d=\"M%d %d V%d\" class=\"grid\"/>", x, TOP - 6, p->y);
		fprintf(p->out,
			"<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" class=\"faint\">%.*f</text>\n", x,
			TOP - 10, digits, (double)us / 1e6);
	}
	fprintf(p->out, "<text x=\"4\" y=\"%d\" class=\"faint\">seconds</text>\n", TOP - 10);
}

static void write_verdicts(const struct plot *p)
{
	for (size_t i = 0; (i = entry_next(p->m, i, ENTRY_VERDICT)) != NO_ENTRY; i++) {
		const struct entry *e = &p->m->entry[i];

		if (e->run == p->run && !e->last && p->t->at[i] != NOT_KNOWN) {
			int x = LEFT + pixel(p, p->t->at[i]);

			fprintf(p->out, "<path d=\"M%d %d V%d\" class=\"verdict\"><title>", x, TOP - 6, p->y);
			markup_cut(p->out, e->text, 300);
			fputs("</title></path>\n", p->out);
		}
	}
}

/* Selects the run's records that have a time. Returns false if there are none. */
static bool choose(struct plot *p)
{
	int64_t first = INT64_MAX, last = INT64_MIN;

	for (size_t i = 0; i < p->t->records; i++) {
		const struct moment *r = &p->t->record[i];

		if (r->run != p->run || r->us == NOT_KNOWN)
			continue;
		p->shown[p->count++] = *r;
		first = r->us < first ? r->us : first;
		last = r->us > last ? r->us : last;
	}
	if (!p->count)
		return false;
	qsort(p->shown, p->count, sizeof(*p->shown), by_row);
	p->from = first;
	p->length = last - first < 10 ? 10 : last - first;
	return true;
}

static int height_of(const struct plot *p)
{
	int height = TOP;

	for (size_t i = 0; i < p->count; i += group(p, i, true))
		height += ROW;
	for (size_t i = 0; i < p->count; i += group(p, i, false))
		height += CPU_GAP;
	return height;
}

static void draw(struct plot *p, bool alone)
{
	int height = height_of(p);

	fprintf(p->out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"tl\" viewBox=\"0 0 %d %d\" role=\"img\">\n"
		"<title>Exceptions by time, CPU and vector</title>\n",
		WIDTH, height);
	if (alone) {
		svg_style(p->out);
		fprintf(p->out, "<rect class=\"back\" width=\"%d\" height=\"%d\"/>\n", WIDTH, height);
	}
	p->y = height - CPU_GAP;
	write_axis(p);
	write_verdicts(p);
	p->y = TOP;
	for (size_t i = 0, n; i < p->count; i += n) {
		n = group(p, i, false);
		write_cpu(p, i, n);
	}
	fputs("</svg>\n", p->out);
}

bool svg_timeline(FILE *out, const struct model *m, const struct timeline *t, unsigned run, bool alone)
{
	struct plot p = {
		.out = out, .m = m, .t = t, .run = run, .shown = calloc(t->records + 1, sizeof(*p.shown))};
	bool any = p.shown && choose(&p);

	if (any)
		draw(&p, alone);
	free(p.shown);
	return any;
}
