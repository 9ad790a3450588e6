/*
 * Where exceptions come from: a table of sites, one a CPU. A site is an instruction that raised a vector at a privilege level.
 * How often it did, first and last, is told however many came since; of important ones the first record is kept. Written by
 * its CPU alone, read by anybody at any time.
 */
#ifndef TRAPLINE_SITES_H
#define TRAPLINE_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <trapline/record.h>
#include "trace/stack.h"

#define SITES_COUNT  256 /* a power of two */
#define SITES_WAYS   4
#define SITES_FIRST  48 /* first records that are kept */
#define SITES_OLDEST 16 /* of these, the first of the run stay; the newest share the rest */

struct site {
	uint64_t rip;
	uint32_t key;   /* site_key() */
	uint16_t first; /* 1 and up: its record's place in first[]; 0: none */
	uint16_t important;
	uint64_t count;
	uint64_t first_seq, first_tsc, last_tsc;
	uint64_t first_cr2, last_cr2; /* of #PF */
};

struct sites {
	struct site site[SITES_COUNT];
	uint64_t firsts; /* records ever put into first[] */
	uint64_t lost;   /* sites that found no room, or had to make some */
	/* TSC of a site's newest record whose page was there a moment later; 0: none. */
	uint64_t mended[SITES_COUNT];
	struct trap_record first[SITES_FIRST];
	struct kept_stack stack[SITES_FIRST]; /* of the record beside it */
};

/* Never 0: an empty site has no key. */
static inline uint32_t site_key(const struct trap_record *r)
{
	return 0x10000u | (uint32_t)r->cpl << 8 | r->vector;
}

static inline unsigned site_hash(uint64_t rip, uint32_t key)
{
	return (unsigned)(rip ^ rip >> 7 ^ key) % SITES_COUNT;
}

/* A record whose site is not where it is looked for first. Off the hot path. Returns what sites_note() does. */
struct kept_stack *sites_find(struct sites *s, const struct trap_record *r);

/*
 * Counts a record, which has just been committed. On the hot path. Returns where the top of its stack
 * goes, when it is the first of a site that matters; else NULL.
 */
static inline struct kept_stack *sites_note(struct sites *s, const struct trap_record *r)
{
	uint32_t key = site_key(r);
	struct site *at = &s->site[site_hash(r->rip, key)];

	if (__builtin_expect(at->rip != r->rip || at->key != key, 0))
		return sites_find(s, r);
	at->count++;
	at->last_tsc = r->tsc;
	at->last_cr2 = r->cr2;
	return NULL;
}

/* Copies the first record of a site. False: it has none, or newer ones have taken its place. */
bool site_first(const struct sites *s, const struct site *site, struct trap_record *out);

/* The stack that was kept with a record; NULL: none was, or it is gone. */
const struct kept_stack *sites_stack(const struct sites *s, const struct trap_record *r);

/*
 * The page of a record's fault is there now: no record of this site until then was a death. The printer calls it, on any CPU. A
 * site that has taken the place meanwhile is not affected, because its records are newer.
 */
void sites_mend(struct sites *s, const struct trap_record *r);

/* Whether sites_mend() has covered a record. */
bool sites_mended(const struct sites *s, const struct trap_record *r);

/* Whether a site matters, and not all of it was mended. */
static inline bool site_counts(const struct sites *s, const struct site *site)
{
	return site->important && site->last_tsc > s->mended[site - s->site];
}

#endif
