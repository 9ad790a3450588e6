// SPDX-License-Identifier: MIT
#include "trace/sites.h"
#include <stdatomic.h>
#include "trace/important.h"
#include "trace/ring.h"

/* The value of an entry: a new site replaces an empty entry, or the one with the lowest value. */
static uint64_t worth(const struct site *s)
{
	return s->key ? 1 + s->count + ((uint64_t)s->important << 63) : 0;
}

static struct site *way(struct sites *s, unsigned hash, unsigned n)
{
	return &s->site[hash ^ n];
}

static uint16_t keep_first(struct sites *s, const struct trap_record *r)
{
	uint64_t n = s->firsts++;
	unsigned place =
		n < SITES_OLDEST
			? (unsigned)n
			: SITES_OLDEST + (unsigned)((n - SITES_OLDEST) % (SITES_FIRST - SITES_OLDEST));
	struct trap_record *slot = &s->first[place];

	__atomic_store_n(&slot->seq, 0, __ATOMIC_RELAXED);
	atomic_thread_fence(memory_order_release); /* as in ring_begin() */
	__builtin_memcpy(&slot->tsc, &r->tsc, sizeof(*r) - offsetof(struct trap_record, tsc));
	__atomic_store_n(&slot->seq, r->seq, __ATOMIC_RELEASE);
	return (uint16_t)(place + 1);
}

/* The key is 0 meanwhile, and stored last. Every site has a first_seq of its own. */
static void replace(struct site *at, const struct site *by)
{
	__atomic_store_n(&at->key, 0, __ATOMIC_RELAXED);
	atomic_thread_fence(memory_order_release); /* as in ring_begin() */
	at->rip = by->rip;
	__builtin_memcpy(&at->first, &by->first, sizeof(*at) - offsetof(struct site, first));
	__atomic_store_n(&at->key, by->key, __ATOMIC_RELEASE);
}

/* In this order before the copy and in the other one after it: then a replacement that began or ended meanwhile shows in one of the two. */
bool site_copy(const struct sites *s, unsigned i, struct site *out)
{
	const struct site *at = &s->site[i];
	uint64_t seq = __atomic_load_n(&at->first_seq, __ATOMIC_ACQUIRE);
	uint32_t key = __atomic_load_n(&at->key, __ATOMIC_ACQUIRE);

	if (!key)
		return false;
	*out = *(const volatile struct site *)at;
	atomic_thread_fence(memory_order_acquire);
	return __atomic_load_n(&at->key, __ATOMIC_ACQUIRE) == key &&
	       __atomic_load_n(&at->first_seq, __ATOMIC_RELAXED) == seq;
}

static struct saved_stack *make_site(struct sites *s, struct site *at, const struct trap_record *r)
{
	bool important = trap_is_important(r);
	struct site made;

	s->lost += at->key != 0;
	if (at->important && !important)
		return NULL;
	made = (struct site){
		.rip = r->rip,
		.key = site_key(r),
		.first = important ? keep_first(s, r) : 0,
		.important = important,
		.count = 1,
		.first_seq = r->seq,
		.first_tsc = r->tsc,
		.last_tsc = r->tsc,
		.first_cr2 = r->cr2,
		.last_cr2 = r->cr2,
	};
	replace(at, &made);
	return at->first ? &s->stack[at->first - 1] : NULL;
}

struct saved_stack *sites_find(struct sites *s, const struct trap_record *r)
{
	uint32_t key = site_key(r);
	unsigned hash = site_hash(r->rip, key);
	struct site *least = way(s, hash, 0);

	for (unsigned n = 0; n < SITES_WAYS; n++) {
		struct site *at = way(s, hash, n);

		if (at->rip == r->rip && at->key == key) {
			at->count++;
			at->last_tsc = r->tsc;
			at->last_cr2 = r->cr2;
			return NULL;
		}
		if (worth(at) < worth(least))
			least = at;
	}
	return make_site(s, least, r);
}

bool site_first(const struct sites *s, const struct site *site, struct trap_record *out)
{
	unsigned place = site->first;

	return place && place <= SITES_FIRST && ring_copy(&s->first[place - 1], out) &&
	       out->rip == site->rip && site_key(out) == site->key;
}

const struct saved_stack *sites_stack(const struct sites *s, const struct trap_record *r)
{
	for (unsigned i = 0; i < SITES_FIRST; i++) {
		const struct saved_stack *stack = &s->stack[i];

		if (r->seq && __atomic_load_n(&stack->seq, __ATOMIC_ACQUIRE) == r->seq &&
			stack->bytes <= STACK_SAVED_MAX)
			return stack;
	}
	return NULL;
}

static const struct site *site_of(const struct sites *s, const struct trap_record *r)
{
	uint32_t key = site_key(r);
	unsigned hash = site_hash(r->rip, key);

	for (unsigned n = 0; n < SITES_WAYS; n++) {
		const struct site *at = &s->site[hash ^ n];

		if (at->rip == r->rip && at->key == key)
			return at;
	}
	return NULL;
}

bool sites_is_first(const struct sites *s, const struct trap_record *r)
{
	const struct site *at = site_of(s, r);

	return at && at->first_seq == r->seq;
}

void sites_mend(struct sites *s, const struct trap_record *r)
{
	const struct site *at = site_of(s, r);

	if (at && s->mended[at - s->site] < r->tsc)
		s->mended[at - s->site] = r->tsc;
}

bool sites_mended(const struct sites *s, const struct trap_record *r)
{
	const struct site *at = site_of(s, r);

	return at && s->mended[at - s->site] >= r->tsc;
}
