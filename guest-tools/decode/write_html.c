// SPDX-License-Identifier: MIT
/*
 * Writes a report as one HTML file without scripts and without network access: its Content-Security-Policy forbids both. All text of
 * the log is escaped.
 */
#include "html.h"
#include "markup.h"
#include "svg.h"
#include "writers.h"

static void write_style(FILE *out)
{
	fputs("<style>\n"
	      ":root{color-scheme:light "
	      "dark;--fg:#1f2328;--bg:#fff;--soft:#f6f8fa;--line:#d0d7de;--bad:#cf222e;--badbg:#ffebe9}\n"
	      "@media screen and "
	      "(prefers-color-scheme:dark){:root{--fg:#e6edf3;--bg:#0d1117;--soft:#161b22;--line:#30363d;"
	      "--bad:#f85149;--badbg:#3c1618}}\n"
	      "body{color:var(--fg);background:var(--bg);font:15px/1.5 "
	      "system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}\n"
	      "h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2.5rem}h3{font-size:1rem;margin:1.5rem 0 "
	      ".3rem}h4{margin:1rem 0 .3rem}\n"
	      ".verdict{font-size:1.1rem;border-left:.3rem solid "
	      "var(--bad);background:var(--badbg);padding:.6rem 1rem}\n"
	      "table{border-collapse:collapse;display:block;overflow-x:auto}details.record{margin:.8rem 0}\n"
	      "td,th{border:1px solid var(--line);padding:.15rem .5rem;text-align:left;vertical-align:top}\n"
	      "td,pre,code,.place,summary span{font:12px/1.5 "
	      "ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere}\n"
	      "th{background:var(--soft);font-weight:600;font-size:12px}.number{text-align:right}.bad "
	      "td{color:var(--bad)}\n"
	      "pre{background:var(--soft);padding:.6rem;overflow-x:auto}details.one{border-top:1px solid "
	      "var(--line)}\n"
	      "summary{cursor:pointer}svg{width:100%;max-width:60rem;height:auto;display:block;margin:1rem "
	      "0}\n"
	      "@media "
	      "print{body{max-width:none;margin:0}table,svg{break-inside:avoid}pre{white-"
	      "space:pre-wrap}\n"
	      ".record details::details-content{content-visibility:visible;height:auto}}\n"
	      "</style>\n",
		out);
}

static void write_head(const struct html *h, const char *title)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
	      "'unsafe-inline'\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width\">\n<title>",
		h->out);
	markup(h->out, title);
	fputs(": Trapline</title>\n", h->out);
	write_style(h->out);
	svg_style(h->out);
	fputs("</head><body>\n<h1>", h->out);
	markup(h->out, title);
	fputs("</h1>\n", h->out);
}

static void write_run(const struct html *h, unsigned run)
{
	const struct run *r = &h->m->run[run];

	fprintf(h->out, "<p>Run %u: Trapline ", run);
	markup(h->out, r->version ? r->version : "?");
	fputs(" on ", h->out);
	markup(h->out, r->backend ? r->backend : "?");
	if (r->cpus != NOT_KNOWN)
		fprintf(h->out, ", %d CPU%s", r->cpus, r->cpus == 1 ? "" : "s");
	fputs("</p>\n", h->out);
}

static void write_timelines(const struct html *h)
{
	fputs("<section><h2>When</h2>\n", h->out);
	for (unsigned run = 0; run < h->m->runs; run++) {
		if (h->m->run[run].active != NO_ENTRY)
			write_run(h, run);
		svg_timeline(h->out, h->m, &h->t, run, false);
	}
	fputs("<p>Blue: programs only. Red: some were the kernel's. Green: marks. Grey: the CPU had halted, "
	      "or was stopped. Broken line: "
	      "the report of an end.</p></section>\n",
		h->out);
}

static void write_log(const struct html *h)
{
	fputs("<section><h2>The input</h2>\n<details><summary>all lines</summary><pre>", h->out);
	for (size_t i = 0; i < h->m->entries; i++) {
		markup(h->out, h->m->entry[i].text);
		fputs("\n", h->out);
	}
	fputs("</pre></details></section>\n", h->out);
}

int write_html(const struct model *m, FILE *out, const struct write_options *options)
{
	struct html h = {.out = out, .m = m};

	timeline_make(&h.t, m);
	write_head(&h, options->title);
	html_stories(&h);
	write_timelines(&h);
	html_sites(&h);
	html_records(&h);
	write_log(&h);
	fputs("</body></html>\n", out);
	timeline_free(&h.t);
	return 0;
}
