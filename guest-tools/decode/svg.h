// SPDX-License-Identifier: MIT
/* Draws a chain of faults, and exceptions by time, as a file or as a part of the HTML report. */
#ifndef DECODE_SVG_H
#define DECODE_SVG_H

#include "timeline.h"

#include <stdio.h>

/* Writes the style of both pictures: once in a report, or in each file. */
void svg_style(FILE *out);

/* Draws a story's records from the first fault to the end. Returns false, and writes nothing, if it has none. */
bool svg_chain(FILE *out, const struct model *m, size_t story, bool alone);

/* Draws one run's records, one row for each CPU and vector. Returns false, and writes nothing, if none has a time. */
bool svg_timeline(FILE *out, const struct model *m, const struct timeline *t, unsigned run, bool alone);

#endif
