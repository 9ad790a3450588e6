// SPDX-License-Identifier: MIT
/* What was reported about an end, so that a further end of the same cause takes one line. Pure. */
#ifndef TRAPLINE_TOLD_H
#define TRAPLINE_TOLD_H

#include <stdbool.h>
#include <trapline/record.h>

/* Identifies a record: a CPU uses each number once. */
struct told_record {
	uint64_t seq; /* 0: none */
	uint32_t cpu;
};

struct told {
	struct told_record cause; /* the cause of the end */
	struct told_record last;  /* the last record that was reported: the cause, or a later one */
	uint64_t at;              /* TSC of the search for it */
};

static inline void told_note(
	struct told *t, struct told_record cause, const struct trap_record *last, uint64_t now)
{
	*t = (struct told){.cause = cause, .last = {.seq = last->seq, .cpu = last->cpu}, .at = now};
}

static inline bool told_is(const struct told_record *told, const struct trap_record *r)
{
	return told->seq && told->seq == r->seq && told->cpu == r->cpu;
}

static inline bool told_has(const struct told *t, const struct trap_record *r)
{
	return told_is(&t->cause, r) || told_is(&t->last, r);
}

#endif
