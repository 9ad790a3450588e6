// SPDX-License-Identifier: MIT
/* The data behind pictures and traces: each record once, in order of time, and the spans in which a CPU did not run. */
#ifndef DECODE_TIMELINE_H
#define DECODE_TIMELINE_H

#include "model.h"

struct moment {
	const struct entry *e;
	unsigned run;
	int64_t us; /* NOT_KNOWN */
};

/* The time in which a CPU was halted, stopped or held. `until` is the end of the run if no line ends the span. */
struct span {
	const char *what;
	const struct entry *e;
	unsigned run;
	int cpu;
	int64_t from, until;
};

struct timeline {
	struct moment *record;
	size_t records;
	struct span *span;
	size_t spans;
	int64_t *
		at; /* for each entry its own time, or that of the last entry before it in its run; NOT_KNOWN */
	int *cpu;   /* the CPUs of the records, ascending */
	size_t cpus;
};

/* Collects the timeline of all entries. timeline_free() releases it. */
void timeline_make(struct timeline *t, const struct model *m);
void timeline_free(struct timeline *t);

/* Returns "#PF", "int 0x80", "mark", "watch", or "" if the vector is not known. The text is valid until the next call. */
const char *record_name(const struct entry *e);

#endif
