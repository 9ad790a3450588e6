/* What pictures and traces are made of: each record once, in the order of time, and how long CPUs did nothing. */
#ifndef DECODE_TIMELINE_H
#define DECODE_TIMELINE_H

#include "model.h"

struct moment {
	const struct entry *e;
	unsigned run;
	int64_t us; /* NOT_KNOWN */
};

/* A CPU that halted, or was stopped for a report or for good. `until` is the end of the run where nothing ended it. */
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
		at; /* of each entry: its own time, or that of the last one before it in its run; NOT_KNOWN */
	int *cpu;   /* those of the records, in their order */
	size_t cpus;
};

void timeline_make(struct timeline *t, const struct model *m);
void timeline_free(struct timeline *t);

/* "#PF", "int 0x80", "mark"; "": not known. Lasts until the next call. */
const char *record_name(const struct entry *e);

#endif
