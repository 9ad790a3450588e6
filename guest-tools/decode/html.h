// SPDX-License-Identifier: MIT
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

/* Writes a text within an element, <td> for example. NULL is an empty text. */
void html_cell(FILE *out, const char *tag, const char *text);

/* Writes the fields of an entry as a table. */
void html_fields(FILE *out, const struct entry *e);

/* Writes functions, files and lines of an entry's places, of one field or (NULL) of all. */
void html_places(FILE *out, const struct entry *e, const char *field);

/* Writes each report of an end: verdict, chain, record, callers, page walk, gates, registers, stack. */
void html_stories(const struct html *h);

/* Writes the places that raised exceptions, by their number of records. */
void html_sites(const struct html *h);

/* Writes all records, folded. */
void html_records(const struct html *h);

#endif
