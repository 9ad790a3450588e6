/* What has been told of an end already, so that the next end of the same cause is told in one line. Pure. */
#ifndef TRAPLINE_TOLD_H
#define TRAPLINE_TOLD_H

#include <stdbool.h>
#include <trapline/record.h>

/* A record: a CPU gives a number once. */
struct told_record {
	uint64_t seq; /* 0: none */
	uint32_t cpu;
};

struct told {
	struct told_record cause; /* what the end came from */
	struct told_record last;  /* what was told: the cause, or what came behind it */
	uint64_t at;              /* TSC when it was looked for */
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
