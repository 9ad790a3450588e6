// SPDX-License-Identifier: MIT
/* Tables over all records: the places that raised exceptions, and the records themselves. */
#include "html.h"
#include "markup.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SITES_SHOWN 20 /* the others are folded */

struct site {
	uint64_t count, rip;
	const struct entry *e; /* the first of them */
};

static int by_place(const void *left, const void *right)
{
	const struct site *a = left, *b = right;
	const char *p = record_name(a->e);
	char name[16];

	if (a->rip != b->rip)
		return a->rip < b->rip ? -1 : 1;
	snprintf(name, sizeof(name), "%s", p);
	return strcmp(name, record_name(b->e));
}

static int by_count(const void *left, const void *right)
{
	const struct site *a = left, *b = right;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return by_place(left, right);
}

/* Counts the records of each place, and sorts the places by their number. */
static size_t collect(const struct html *h, struct site *site)
{
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < h->t.records; i++) {
		const struct entry *e = h->t.record[i].e;

		if (e->record->type != TRAP_TYPE_MARK && e->record->type != TRAP_TYPE_WATCH &&
			(e->known & KNOWN(RIP)))
			site[n++] = (struct site){1, e->record->rip, e};
	}
	qsort(site, n, sizeof(*site), by_place);
	for (size_t i = 0; i < n; i++) {
		if (kept && !by_place(&site[kept - 1], &site[i]))
			site[kept - 1].count++;
		else
			site[kept++] = site[i];
	}
	qsort(site, kept, sizeof(*site), by_count);
	return kept;
}

static void write_site(FILE *out, const struct site *s)
{
	fprintf(out, "<tr><td class=\"number\">%" PRIu64 "</td>", s->count);
	html_cell(out, "td", record_name(s->e));
	html_cell(out, "td", entry_field(s->e, "cpl"));
	html_cell(out, "td", entry_field(s->e, "at"));
	fputs("<td>", out);
	html_places(out, s->e, "at");
	fputs("</td>", out);
	html_cell(out, "td", entry_field(s->e, "insn"));
	fputs("</tr>\n", out);
}

static void write_sites(FILE *out, const struct site *site, size_t n)
{
	fputs("<table><tr><th>records</th><th>what</th><th>cpl</th><th>at</th><th>function</"
	      "th><th>instruction</th></tr>\n",
		out);
	for (size_t i = 0; i < n; i++)
		write_site(out, &site[i]);
	fputs("</table>\n", out);
}

void html_sites(const struct html *h)
{
	struct site *site = calloc(h->t.records + 1, sizeof(*site));
	size_t n = site ? collect(h, site) : 0, shown = n < SITES_SHOWN ? n : SITES_SHOWN;

	if (n) {
		fputs("<section><h2>Where it happened most</h2>\n", h->out);
		write_sites(h->out, site, shown);
		if (n > shown) {
			fprintf(h->out, "<details><summary>%zu more places</summary>\n", n - shown);
			write_sites(h->out, site + shown, n - shown);
			fputs("</details>\n", h->out);
		}
		fputs("</section>\n", h->out);
	}
	free(site);
}

/* Registers are known in binary records, and in lines that `regs` lines follow. */
static void write_registers(FILE *out, const struct entry *e)
{
	static const char *const names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8",
		"r9", "r10", "r11", "r12", "r13", "r14", "r15"};

	fputs("<table class=\"fields\">\n", out);
	for (int i = 0; i < TRAP_GPRS; i++)
		if (e->known & KNOWN_GPR(i))
			fprintf(out, "<tr><th>%s</th><td>0x%" PRIx64 "</td></tr>\n", names[i],
				e->record->gpr[i]);
	fputs("</table>\n", out);
}

static void write_summary(FILE *out, const struct moment *r)
{
	const struct entry *e = r->e;
	const char *text = entry_field(e, "text"), *why = entry_field(e, "why");

	fputs("<summary>", out);
	html_cell(out, "b", record_name(e));
	fprintf(out, " <span>cpu %u seq %" PRIu64, e->record->cpu, e->record->seq);
	if (r->us != NOT_KNOWN)
		fprintf(out, " t=%" PRId64 ".%06" PRId64, r->us / 1000000, r->us % 1000000);
	fputs("</span> ", out);
	markup(out, entry_field(e, "at") ? entry_field(e, "at") : "");
	fputs(" ", out);
	html_cell(out, "code", text ? text : entry_field(e, "insn"));
	fputs(" ", out);
	markup(out, why ? why : "");
	fputs("</summary>\n", out);
}

void html_records(const struct html *h)
{
	fprintf(h->out, "<section><h2>All %zu records</h2>\n", h->t.records);
	for (size_t i = 0; i < h->t.records; i++) {
		const struct moment *r = &h->t.record[i];

		fputs("<details class=\"one\">", h->out);
		write_summary(h->out, r);
		html_places(h->out, r->e, NULL);
		html_fields(h->out, r->e);
		write_registers(h->out, r->e);
		fputs("</details>\n", h->out);
	}
	fputs("</section>\n", h->out);
}
