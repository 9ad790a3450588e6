/* What has been told of an end already, so that the next end of the same cause is told in one line. Pure. */
#ifndef TRAPLINE_TOLD_H
#define TRAPLINE_TOLD_H

#include <stdbool.h>
#include <trapline/record.h>

struct told {
	uint64_t seq; /* of the record that was told; 0: nothing was */
	uint32_t cpu;
	uint64_t at; /* TSC when */
};

static inline void told_note(struct told *t, const struct trap_record *r, uint64_t now)
{
	*t = (struct told){.seq = r->seq, .cpu = r->cpu, .at = now};
}

/* A number is given once. */
static inline bool told_has(const struct told *t, const struct trap_record *r)
{
	return t->seq && t->seq == r->seq && t->cpu == r->cpu;
}

#endif
