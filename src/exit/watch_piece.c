// SPDX-License-Identifier: MIT
#include "exit/watch_piece.h"
#include <stdatomic.h>
#include "hw/x86.h"
#include "log/log.h"
#include "mem/guest_ram.h"
#include "mem/guest_walk.h"
#include "mem/layout.h"
#include "stage2/stage2.h"
#include "trace/walk_trace.h"

#define PAGES_MAX 4096 /* of one watch: 16 MiB */
#define REPORTS   8    /* the guest chooses how often */
#define TOO_MANY  "the watches lie in too many separate pieces of memory"
#define TOO_FAR                                                                                              \
	"follow reaches some 250 pages that lie apart, or 500 in one piece, all watches together; watch "    \
	"fewer bytes"

/* Those of the second one of two 32-bit entries are bits of the address in one of 64 bits. */
#define SET_BY_CPU ((uint64_t)(PTE_ACCESSED | PTE_DIRTY))

_Static_assert((int)WATCH_READ == STAGE2_READ && (int)WATCH_WRITE == STAGE2_WRITE &&
		       (int)WATCH_EXECUTE == STAGE2_FETCH,
	"accesses are rights");

static struct watch_piece pieces[STAGE2_RANGES];
static struct watch_piece
	before[STAGE2_RANGES]; /* those before watch_pieces_make(), without watches that are gone */
static struct stage2_range ranges[STAGE2_RANGES];
static _Atomic bool moved;
static unsigned piece_count, before_count;
static unsigned old_count; /* `pieces` without those of new watches */

static uint64_t page_of(uint64_t address)
{
	return address & ~(PAGE_SIZE - 1);
}

static bool add_piece(const struct watch_piece *p)
{
	struct watch_piece *last = piece_count ? &pieces[piece_count - 1] : NULL;

	if (last && last->watch == p->watch && !last->is_entry && !p->is_entry &&
		last->last + 1 == p->first && last->linear + (p->first - last->first) == p->linear) {
		last->last = p->last;
		return true;
	}
	if (piece_count == STAGE2_RANGES)
		return false;
	pieces[piece_count++] = *p;
	return true;
}

/* Pages next to each other share the upper ones. */
static bool has_entry(const struct watch_piece *p)
{
	for (unsigned i = 0; i < piece_count; i++)
		if (pieces[i].is_entry && pieces[i].watch == p->watch && pieces[i].first == p->first)
			return true;
	return false;
}

/* The entries of the page tables on the way to an address, up to one that is not present. A pair of 32-bit ones counts as one. */
static bool add_entries(const struct guest_paging *paging, uint64_t linear, const struct watch_piece *of)
{
	struct watch_piece p = {.watch = of->watch,
		.generation = of->generation,
		.access = WATCH_WRITE,
		.follows = true,
		.is_entry = true};
	struct walk w;

	walk_trace(&w, paging, linear, guest_read64);
	for (unsigned i = 0; i < w.count && w.level[i].readable && stage2_may_take(w.level[i].at); i++) {
		p.first = p.linear = w.level[i].at & ~7ull;
		p.last = p.first + 7;
		if (guest_read64(p.first, &p.entry) && !has_entry(&p) && !add_piece(&p))
			return false;
	}
	return true;
}

/* The guest may map at any time what cannot be taken: to a watch that follows that is a page that is not mapped. */
static bool find_page(
	const struct watch_spec *s, const struct guest_paging *paging, uint64_t at, uint64_t *physical)
{
	return guest_translate(paging, at, physical) && (!s->follow || stage2_may_take(*physical));
}

/* Pages that are not mapped now are left out. */
static const char *add_linear(const struct watch_spec *s, struct watch_piece *p)
{
	const struct guest_paging paging = {.cr0 = s->cr0, .cr3 = s->cr3, .cr4 = s->cr4, .efer = s->efer};
	uint64_t last, at = s->first;
	bool found = false;

	p->follows = s->follow;
	do {
		last = page_of(at) + (PAGE_SIZE - 1);
		if (last > s->last)
			last = s->last;
		if (s->follow && !add_entries(&paging, at, p))
			return TOO_FAR;
		if (find_page(s, &paging, at, &p->first)) {
			p->linear = at;
			p->last = p->first + (last - at);
			found = true;
			if (!add_piece(p))
				return s->follow ? TOO_FAR : TOO_MANY;
		}
		at = last + 1;
	} while (last < s->last);
	return found || s->follow ? NULL : "no page of it is mapped; follow waits until one is";
}

static const char *add(const struct watch_spec *s, struct watch_piece *p)
{
	if (s->last / PAGE_SIZE - s->first / PAGE_SIZE >= PAGES_MAX)
		return "a watch has at most 16 MiB";
	p->access = s->access;
	p->action = s->action;
	if (s->space == WATCH_LINEAR)
		return add_linear(s, p);
	p->first = p->linear = s->first;
	p->last = s->last;
	return add_piece(p) ? NULL : TOO_MANY;
}

bool watch_pieces_moved(void)
{
	for (unsigned i = 0; i < piece_count; i++) {
		uint64_t now;

		if (!pieces[i].is_entry)
			continue;
		if (guest_read64(pieces[i].first, &now) && !((now ^ pieces[i].entry) & ~SET_BY_CPU))
			continue;
		atomic_store(&moved, true);
		return true;
	}
	return false;
}

/* Drops the pieces of watches that are gone, and of those whose page tables have changed. */
static void keep_valid(void)
{
	bool again = atomic_exchange(&moved, false);
	unsigned n = 0;

	before_count = 0;
	for (unsigned i = 0; i < piece_count; i++) {
		struct watch_spec s;
		uint32_t generation;
		uint16_t id;

		if (!watch_read(pieces[i].watch, &id, &s, &generation) || generation != pieces[i].generation)
			continue;
		before[before_count++] = pieces[i];
		if (!again || !pieces[i].follows)
			pieces[n++] = pieces[i];
	}
	piece_count = n;
}

static bool has_pieces(
	const struct watch_piece *list, unsigned count, const struct watch *w, uint32_t generation)
{
	for (unsigned i = 0; i < count; i++)
		if (list[i].watch == w && list[i].generation == generation)
			return true;
	return false;
}

/* Waits for the next change of what leads to the pages. A store that was made already does not count again. */
static void keep_entry(const struct watch_piece *p)
{
	struct watch_piece *to = &pieces[piece_count];

	if (piece_count == STAGE2_RANGES)
		return;
	piece_count++;
	*to = *p;
	guest_read64(to->first, &to->entry);
}

/* The list of watches says so as well, until it has found its pages again. */
static void tell(struct watch *w, const char *why)
{
	static unsigned told;

	atomic_store_explicit(&w->waits, true, memory_order_relaxed);
	if (told == REPORTS)
		return;
	told++;
	log_line("trapline: watch %u cannot follow its pages: %s", w->id, why);
}

/* A watch that cannot follow keeps the entries, which it had before. */
static void keep_entries(struct watch *w, const char *why)
{
	for (unsigned i = 0; i < before_count; i++)
		if (before[i].is_entry && before[i].watch == w)
			keep_entry(&before[i]);
	tell(w, why);
}

/* All pieces of the watch, or none. */
static const char *add_all(const struct watch_spec *s, struct watch_piece *p)
{
	unsigned count = piece_count;
	const char *why = add(s, p);

	if (why)
		piece_count = count;
	return why;
}

/* Adds the pieces of watches that have none: of those that had some before, or of new ones. Returns why not, of the one with the number. */
static const char *add_missing(bool anew, uint16_t new_id)
{
	const char *refused = NULL;

	for_each_watch (w) {
		struct watch_piece p = {.watch = w};
		struct watch_spec s;
		const char *why;
		uint16_t id;

		if (!watch_read(w, &id, &s, &p.generation) ||
			(s.space != WATCH_PHYSICAL && s.space != WATCH_LINEAR) ||
			has_pieces(before, before_count, w, p.generation) != anew ||
			has_pieces(pieces, piece_count, w, p.generation))
			continue;
		why = add_all(&s, &p);
		atomic_store_explicit(&w->waits, false, memory_order_relaxed);
		if (why && anew)
			keep_entries(w, why);
		if (id == new_id)
			refused = why;
	}
	return refused;
}

const char *watch_pieces_make(uint16_t new_id)
{
	keep_valid();
	add_missing(true, 0);
	old_count = piece_count;
	return add_missing(false, new_id);
}

bool watch_pieces_drop_new(uint16_t id)
{
	bool had = false;

	for (unsigned i = old_count; i < piece_count; i++)
		had |= pieces[i].watch->id == id;
	piece_count = old_count;
	return had;
}

void watch_pieces_stop(const char *why)
{
	piece_count = 0;
	for (unsigned i = 0; i < before_count; i++) {
		const struct watch_piece *p = &before[i];

		if (!p->follows)
			pieces[piece_count++] = *p;
		else if (p->is_entry)
			keep_entry(p);
		if (p->follows && (!i || p[-1].watch != p->watch))
			tell(p->watch, why);
	}
}

void watch_pieces_clear(void)
{
	piece_count = 0;
}

const struct stage2_range *watch_pieces_pages(unsigned *n)
{
	for (unsigned i = 0; i < piece_count; i++)
		ranges[i] = (struct stage2_range){
			page_of(pieces[i].first), page_of(pieces[i].last), pieces[i].access};
	*n = piece_count;
	return ranges;
}

const struct watch_piece *watch_piece_in(uint64_t gpa, unsigned from, unsigned *n)
{
	uint64_t page = page_of(gpa);

	for (*n = from; *n < piece_count; ++*n)
		if (pieces[*n].last >= page && page_of(pieces[*n].first) <= page)
			return &pieces[*n];
	return NULL;
}
