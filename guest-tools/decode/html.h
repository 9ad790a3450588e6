/* The parts of the HTML report. */
#ifndef DECODE_HTML_H
#define DECODE_HTML_H

#include "timeline.h"

#include <stdio.h>

struct html {
	FILE *out;
	const struct model *m;
	struct timeline t;
};

/* <td> and the like around a text; NULL: nothing in it. */
void html_cell(FILE *out, const char *tag, const char *text);

/* An entry's name=value pairs, one a row. */
void html_fields(FILE *out, const struct entry *e);

/* Functions, files and lines of an entry's places; only those of one field unless it is NULL. */
void html_places(FILE *out, const struct entry *e, const char *field);

/* Each report of an end: verdict, chain, record, callers, page walk, gates, registers, stack. */
void html_stories(const struct html *h);

/* The places that raised exceptions, those that did so most first. */
void html_sites(const struct html *h);

/* All of them, folded. */
void html_records(const struct html *h);

#endif
