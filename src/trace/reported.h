// SPDX-License-Identifier: MIT
/* What was reported about an end, so that a further end of the same cause takes one line. Pure. */
#ifndef TRAPLINE_REPORTED_H
#define TRAPLINE_REPORTED_H

#include <stdbool.h>
#include <trapline/record.h>

/* Identifies a record: a CPU uses each number once. */
struct reported_record {
	uint64_t seq; /* 0: none */
	uint32_t cpu;
};

struct reported {
	struct reported_record cause; /* the cause of the end */
	struct reported_record last;  /* the last record that was reported: the cause, or a later one */
	uint64_t at;                  /* TSC of the search for it */
};

static inline void reported_note(
	struct reported *t, struct reported_record cause, const struct trap_record *last, uint64_t now)
{
	*t = (struct reported){.cause = cause, .last = {.seq = last->seq, .cpu = last->cpu}, .at = now};
}

static inline bool reported_is(const struct reported_record *reported, const struct trap_record *r)
{
	return reported->seq && reported->seq == r->seq && reported->cpu == r->cpu;
}

static inline bool reported_has(const struct reported *t, const struct trap_record *r)
{
	return reported_is(&t->cause, r) || reported_is(&t->last, r);
}

#endif
