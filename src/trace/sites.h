// SPDX-License-Identifier: MIT
/*
 * The sources of exceptions: a table of sites for each CPU. A site is an instruction that raised a vector at a privilege level.
 * The table has the count, the first and the last time of each, however many exceptions come; for important ones also the first record.
 * Only its CPU writes it; any CPU may read it at any time, by site_copy().
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
#define SITES_FIRST  48 /* first records that are stored */
#define SITES_OLDEST 16 /* of these, the first ones of the run stay; new ones share the others */

struct site {
	uint64_t rip;
	uint32_t key;   /* site_key(); 0: the entry is empty, or just being replaced */
	uint16_t first; /* place of its first record in first[], from 1; 0: none */
	uint16_t important;
	uint64_t count;
	uint64_t first_seq, first_tsc, last_tsc;
	uint64_t first_cr2, last_cr2; /* of #PF */
};

struct sites {
	struct site site[SITES_COUNT];
	uint64_t firsts; /* records ever put into first[] */
	uint64_t lost;   /* sites that found no room, or replaced another one */
	/* TSC of a site's newest record whose page was present a moment later; 0: none. */
	uint64_t mended[SITES_COUNT];
	struct trap_record first[SITES_FIRST];
	struct saved_stack stack[SITES_FIRST]; /* of the record with the same index */
};

/* The key of a record's site. It is never 0, which means an empty entry. */
static inline uint32_t site_key_of(unsigned vector, unsigned cpl)
{
	return 0x10000u | cpl << 8 | vector;
}

static inline uint32_t site_key(const struct trap_record *r)
{
	return site_key_of(r->vector, r->cpl);
}

static inline unsigned site_hash(uint64_t rip, uint32_t key)
{
	return (unsigned)(rip ^ rip >> 7 ^ key) % SITES_COUNT;
}

/*
 * Finds or adds the site of a record that is not in its first place. Off the hot path. If the record is the first of an important site, returns the
 * place for the top of its stack; otherwise NULL.
 */
struct saved_stack *sites_find(struct sites *s, const struct trap_record *r);

/* What a site has of a record, which the hot path has in registers. */
struct site_note {
	uint64_t rip, tsc, cr2;
	uint32_t key;
};

/* Counts a record that has just been committed. On the hot path. False: its site is not in its first place, and sites_find() has to. */
static inline bool sites_count(struct sites *s, const struct site_note *n)
{
	struct site *at = &s->site[site_hash(n->rip, n->key)];

	if (__builtin_expect(at->rip != n->rip || at->key != n->key, 0))
		return false;
	at->count++;
	at->last_tsc = n->tsc;
	at->last_cr2 = n->cr2;
	return true;
}

/* Whether a record is the first of its site, or the first since another one took the entry. Off the hot path. */
bool sites_is_first(const struct sites *s, const struct trap_record *r);

/* Copies entry i. False: it is empty, or is being replaced. The counts of a whole copy may be a few records apart from each other. */
bool site_copy(const struct sites *s, unsigned i, struct site *out);

/* Copies the first record of a site. False: it has none, or newer ones have replaced it. */
bool site_first(const struct sites *s, const struct site *site, struct trap_record *out);

/* The stack that was stored with a record; NULL: there is none, or it was replaced. */
const struct saved_stack *sites_stack(const struct sites *s, const struct trap_record *r);

/*
 * Notes that the page of a record's fault is present now: no record of this site up to now was fatal. The printer calls it, on any
 * CPU. If another site has taken the entry meanwhile, it is not affected, because its records are newer.
 */
void sites_mend(struct sites *s, const struct trap_record *r);

/* Whether sites_mend() has covered a record. */
bool sites_mended(const struct sites *s, const struct trap_record *r);

/* Whether a site, a copy of entry i, is important, and not all of its records were mended. */
static inline bool site_counts(const struct sites *s, unsigned i, const struct site *site)
{
	return site->important && site->last_tsc > s->mended[i];
}

#endif
