/* Pictures: a chain of faults, and exceptions by time. The same in a file of their own and within a report. */
#ifndef DECODE_SVG_H
#define DECODE_SVG_H

#include "timeline.h"

#include <stdio.h>

/* In a file of its own a picture brings its style along; in a report that is there once. */
void svg_style(FILE *out);

/* A story's records, from the first fault to how it ended. false: it has none, and nothing was written. */
bool svg_chain(FILE *out, const struct model *m, size_t story, bool alone);

/* One run's records, a row for each CPU and vector. false: none of them has a time. */
bool svg_timeline(FILE *out, const struct model *m, const struct timeline *t, unsigned run, bool alone);

#endif
