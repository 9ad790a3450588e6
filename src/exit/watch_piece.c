// SPDX-License-Identifier: MIT
#include "exit/watch_piece.h"
#include <stdatomic.h>
#include "hw/x86.h"
#include "mem/guest_ram.h"
#include "mem/guest_walk.h"
#include "mem/layout.h"
#include "trace/walk_trace.h"
#include "vendor.h"

#define PAGES_MAX 4096 /* of one watch: 16 MiB */
#define TOO_MANY  "the watches lie in too many separate pieces of memory"

/* Those of the second one of two 32-bit entries are bits of the address in one of 64 bits. */
#define SET_BY_CPU ((uint64_t)(PTE_ACCESSED | PTE_DIRTY))

_Static_assert((int)WATCH_READ == STAGE2_READ && (int)WATCH_WRITE == STAGE2_WRITE &&
		       (int)WATCH_EXECUTE == STAGE2_FETCH,
	"accesses are rights");

static struct watch_piece pieces[STAGE2_RANGES];
static struct stage2_range ranges[STAGE2_RANGES];
static _Atomic bool moved;
static unsigned piece_count, kept_count; /* kept: they were there before watch_pieces_make() */

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
	struct watch_piece p = {
		.watch = of->watch, .generation = of->generation, .access = WATCH_WRITE, .is_entry = true};
	struct walk w;

	walk_trace(&w, paging, linear, guest_read64);
	for (unsigned i = 0; i < w.count && w.level[i].readable; i++) {
		p.first = p.linear = w.level[i].at & ~7ull;
		p.last = p.first + 7;
		if (guest_read64(p.first, &p.entry) && !has_entry(&p) && !add_piece(&p))
			return false;
	}
	return true;
}

/* Pages that are not mapped now are left out. */
static const char *add_linear(struct cpu *cpu, const struct watch_spec *s, struct watch_piece *p)
{
	uint64_t last, at = s->first;
	struct guest_paging paging;
	bool found = false;

	vendor->state.paging(cpu, &paging);
	paging.cr3 = s->cr3;
	do {
		last = page_of(at) + (PAGE_SIZE - 1);
		if (last > s->last)
			last = s->last;
		if (s->follow && !add_entries(&paging, at, p))
			return TOO_MANY;
		if (guest_translate(&paging, at, &p->first)) {
			p->linear = at;
			p->last = p->first + (last - at);
			found = true;
			if (!add_piece(p))
				return TOO_MANY;
		}
		at = last + 1;
	} while (last < s->last);
	return found || s->follow ? NULL : "no page of it is mapped; follow waits until one is";
}

static const char *add(struct cpu *cpu, const struct watch_spec *s, struct watch_piece *p)
{
	if (s->last / PAGE_SIZE - s->first / PAGE_SIZE >= PAGES_MAX)
		return "a watch has at most 16 MiB";
	p->access = s->access;
	p->action = s->action;
	if (s->space == WATCH_LINEAR)
		return add_linear(cpu, s, p);
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

	for (unsigned i = 0; i < piece_count; i++) {
		struct watch_spec s;
		uint32_t generation;
		uint16_t id;

		if (watch_read(pieces[i].watch, &id, &s, &generation) && generation == pieces[i].generation &&
			!(again && s.follow))
			pieces[n++] = pieces[i];
	}
	piece_count = n;
}

static bool has_pieces(const struct watch *w, uint32_t generation)
{
	for (unsigned i = 0; i < kept_count; i++)
		if (pieces[i].watch == w && pieces[i].generation == generation)
			return true;
	return false;
}

/* All pieces of the watch, or none. */
static const char *add_new(struct cpu *cpu, struct watch *w)
{
	struct watch_piece p = {.watch = w};
	unsigned before = piece_count;
	struct watch_spec s;
	const char *why;
	uint16_t id;

	if (!watch_read(w, &id, &s, &p.generation) ||
		(s.space != WATCH_PHYSICAL && s.space != WATCH_LINEAR) || has_pieces(w, p.generation))
		return NULL;
	why = add(cpu, &s, &p);
	if (why)
		piece_count = before;
	return why;
}

const char *watch_pieces_make(struct cpu *cpu)
{
	const char *first = NULL;

	keep_valid();
	kept_count = piece_count;
	for_each_watch (w) {
		const char *why = add_new(cpu, w);

		if (!first)
			first = why;
	}
	return first;
}

void watch_pieces_undo(void)
{
	piece_count = kept_count;
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
