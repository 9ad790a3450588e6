// SPDX-License-Identifier: MIT
#include "mem/guest_access.h"
#include "hw/x86.h"
#include "mem/guest_ram.h"
#include "mem/paging.h"

/* Bits of the error code, SDM vol. 3A 4.7. */

#define LEVELS_MAX    5
#define WALK_ATTEMPTS 8

/* The state of one walk. It is small, because every call by name makes a walk. */
struct walk {
	const struct guest_view *view;
	uint64_t linear;
	enum guest_access_kind kind;
	unsigned shift; /* of the current level: 12 is the last */
	unsigned depth;
	bool narrow;          /* entries of 4 bytes: 32-bit paging */
	bool untouched_top;   /* PAE: the pointer has no rights and no accessed bit */
	uint64_t reserved;    /* bits that are reserved in entries of every level */
	uint64_t every, some; /* bits that are set in all entries, and in at least one */
	uint64_t entry[LEVELS_MAX], at[LEVELS_MAX]; /* the entries and their addresses */
};

unsigned guest_linear_bits(const struct guest_paging *p, bool mode64)
{
	if (!mode64)
		return 32;
	return p->cr4 & CR4_LA57 ? 57 : 48;
}

static bool is_long(const struct guest_view *v)
{
	return v->paging.efer & EFER_LMA;
}

static bool is_pae(const struct guest_view *v)
{
	return is_long(v) || (v->paging.cr4 & CR4_PAE);
}

static uint64_t bits_between(unsigned low, unsigned high)
{
	return low > high ? 0 : (~0ull >> (63 - high)) & (~0ull << low);
}

/*
 * SDM vol. 3A tables 4-8 to 4-11 (PAE) and 4-14 to 4-19 (4 and 5 levels). 32-bit paging has reserved bits only in
 * large leaves.
 */
static uint64_t reserved_everywhere(const struct walk *w)
{
	const struct guest_view *v = w->view;

	if (w->narrow)
		return 0;
	return bits_between(v->physical_bits, 51) | (v->paging.efer & EFER_NXE ? 0 : PTE_NX) |
	       (is_long(v) ? 0 : bits_between(52, 62));
}

/*
 * Further reserved bits of an entry with PTE_LARGE. With PSE-36 a 4 MiB leaf has address bits up to 20 (table
 * 4-4).
 */
static uint64_t reserved_large(const struct walk *w)
{
	unsigned physical = w->view->physical_bits > 40 ? 40 : w->view->physical_bits;

	if (w->shift == 12)
		return 0;
	if (w->narrow)
		return w->view->paging.cr4 & CR4_PSE ? bits_between(physical - 32 + 13, 21) : 0;
	if (w->shift > 30 || (w->shift == 30 && !w->view->huge_pages))
		return PTE_LARGE;
	return bits_between(13, w->shift - 1);
}

static bool is_large(const struct walk *w, uint64_t entry)
{
	if (!(entry & PTE_LARGE) || w->shift == 12)
		return false;
	if (w->narrow)
		return w->view->paging.cr4 & CR4_PSE;
	return w->shift == 21 || (w->shift == 30 && is_long(w->view) && w->view->huge_pages);
}

static bool read_entry(struct walk *w, uint64_t table)
{
	uint64_t index = w->linear >> w->shift, at, value;

	if (!w->narrow) {
		at = table + (index & 511) * 8;
		if (!guest_read64(at, &value))
			return false;
	} else {
		at = table + (index & 1023) * 4;
		if (!guest_read64(at & ~7ull, &value))
			return false;
		value = (uint32_t)(value >> (at & 4) * 8);
	}
	w->at[w->depth] = at;
	w->entry[w->depth] = value;
	return true;
}

/* The bits of the error code that do not depend on the tables. */
static uint32_t access_error(const struct walk *w)
{
	const struct guest_paging *p = &w->view->paging;
	bool tells_fetch = ((p->efer & EFER_NXE) && is_pae(w->view)) || (p->cr4 & CR4_SMEP);

	return (w->kind == GUEST_WRITE ? PF_W : 0) | (w->view->user ? PF_U : 0) |
	       (w->kind == GUEST_FETCH && tells_fetch ? PF_I : 0);
}

/* A PAE pointer's other bits were checked when CR3 was loaded. */
static bool is_reserved(const struct walk *w, uint64_t entry)
{
	if (w->untouched_top && !w->depth)
		return entry & bits_between(w->view->physical_bits, 51);
	return (entry & w->reserved) || ((entry & PTE_LARGE) && (entry & reserved_large(w)));
}

/* Adds one entry to the walk's state. */
static enum guest_access_result take_entry(struct walk *w, uint32_t *error)
{
	uint64_t entry = w->entry[w->depth];

	if (!(entry & PTE_PRESENT)) {
		*error = access_error(w);
		return ACCESS_FAULT;
	}
	if (is_reserved(w, entry)) {
		*error = access_error(w) | PF_P | PF_RSVD;
		return ACCESS_FAULT;
	}
	if (!w->untouched_top || w->depth) {
		w->every &= entry;
		w->some |= entry;
	}
	return ACCESS_OK;
}

static unsigned next_shift(const struct walk *w)
{
	return w->narrow ? 12 : w->shift - 9;
}

static uint64_t first_table(struct walk *w)
{
	const struct guest_paging *p = &w->view->paging;

	w->narrow = !is_pae(w->view);
	w->untouched_top = !w->narrow && !is_long(w->view);
	w->shift = w->narrow ? 22 : w->untouched_top ? 30 : p->cr4 & CR4_LA57 ? 48 : 39;
	w->reserved = reserved_everywhere(w);
	if (w->untouched_top)
		w->linear &= 0xffffffff; /* two bits index the four pointers */
	return w->narrow          ? p->cr3 & 0xfffff000
	       : w->untouched_top ? p->cr3 & 0xffffffe0
				  : p->cr3 & PTE_ADDRESS;
}

static enum guest_access_result descend(struct walk *w, uint32_t *error)
{
	uint64_t table = first_table(w);

	for (w->depth = 0;; w->depth++) {
		enum guest_access_result result;

		if (!read_entry(w, table))
			return ACCESS_NOT_RAM;
		result = take_entry(w, error);
		if (result != ACCESS_OK || w->shift == 12 || is_large(w, w->entry[w->depth]))
			return result;
		table = w->entry[w->depth] & (w->narrow ? 0xfffff000 : PTE_ADDRESS);
		w->shift = next_shift(w);
	}
}

/* Protection keys apply to data only (SDM vol. 3A 4.6.2): PKRU to user pages, PKRS to the others. */
static bool key_refuses(const struct walk *w)
{
	const struct guest_view *v = w->view;
	bool user_page = w->every & PTE_USER;
	uint64_t enabled = user_page ? CR4_PKE : CR4_PKS;
	uint32_t key, rights;

	if (!is_long(v) || !(v->paging.cr4 & enabled) || w->kind == GUEST_FETCH)
		return false;
	key = w->entry[w->depth] >> 59 & 15;
	rights = (user_page ? v->pkru : v->pkrs) >> 2 * key & 3;
	if (rights & 1)
		return true;
	return (rights & 2) && w->kind == GUEST_WRITE && (v->user || (v->paging.cr0 & CR0_WP));
}

/* SDM vol. 3A 4.6.1. */
static bool rights_refuse(const struct walk *w)
{
	const struct guest_view *v = w->view;
	bool user_page = w->every & PTE_USER;
	uint64_t cr4 = v->paging.cr4;

	if (v->user && !user_page)
		return true;
	if (w->kind == GUEST_FETCH)
		return ((v->paging.efer & EFER_NXE) && !w->narrow && (w->some & PTE_NX)) ||
		       (!v->user && user_page && (cr4 & CR4_SMEP));
	if (!v->user && user_page && (cr4 & CR4_SMAP) && !v->alignment_flag)
		return true;
	return w->kind == GUEST_WRITE && !(w->every & PTE_WRITE) && (v->user || (v->paging.cr0 & CR0_WP));
}

/* Sets bits in one entry, unless the entry has changed since the walk read it. */
static bool mark_entry(struct walk *w, unsigned depth, uint64_t bits)
{
	uint64_t old = w->entry[depth];

	if ((old & bits) == bits)
		return true;
	if (w->narrow)
		return guest_exchange32(w->at[depth], (uint32_t)old, (uint32_t)(old | bits));
	return guest_exchange64(w->at[depth], old, old | bits);
}

/* Sets accessed on all levels and dirty on the leaf (SDM vol. 3A 4.8). False: an entry has changed since. */
static bool mark(struct walk *w)
{
	if ((w->every & PTE_ACCESSED) && (w->kind != GUEST_WRITE || (w->entry[w->depth] & PTE_DIRTY)))
		return true;
	for (unsigned i = w->untouched_top; i < w->depth; i++)
		if (!mark_entry(w, i, PTE_ACCESSED))
			return false;
	return mark_entry(w, w->depth, PTE_ACCESSED | (w->kind == GUEST_WRITE ? PTE_DIRTY : 0));
}

static uint64_t leaf_address(const struct walk *w)
{
	uint64_t entry = w->entry[w->depth], offset = (1ull << w->shift) - 1;

	if (!w->narrow)
		return (entry & PTE_ADDRESS & ~offset) | (w->linear & offset);
	if (w->shift == 22) /* PSE-36: bits 39:32 of the address are bits 20:13 */
		return (entry & 0xffc00000) | (entry >> 13 & 0xff) << 32 | (w->linear & offset);
	return (entry & 0xfffff000) | (w->linear & offset);
}

static enum guest_access_result walk_once(
	const struct guest_view *v, uint64_t linear, enum guest_access_kind kind, struct guest_page *out)
{
	struct walk w;
	enum guest_access_result result;
	bool key;

	w.view = v;
	w.linear = linear;
	w.kind = kind;
	w.every = ~0ull;
	w.some = 0;
	result = descend(&w, &out->error);
	if (result != ACCESS_OK)
		return result;
	key = key_refuses(&w);
	if (key || rights_refuse(&w)) {
		out->error = access_error(&w) | PF_P | (key ? PF_PK : 0);
		return ACCESS_FAULT;
	}
	out->physical = leaf_address(&w);
	if (!guest_is_ram(out->physical))
		return ACCESS_NOT_RAM;
	return mark(&w) ? ACCESS_OK : ACCESS_CHANGED;
}

enum guest_access_result guest_access(
	const struct guest_view *v, uint64_t linear, enum guest_access_kind kind, struct guest_page *out)
{
	enum guest_access_result result = ACCESS_CHANGED;

	if (!(v->paging.cr0 & CR0_PG)) {
		out->physical = linear & 0xffffffff;
		return guest_is_ram(out->physical) ? ACCESS_OK : ACCESS_NOT_RAM;
	}
	for (unsigned i = 0; i < WALK_ATTEMPTS && result == ACCESS_CHANGED; i++)
		result = walk_once(v, linear, kind, out);
	return result;
}
