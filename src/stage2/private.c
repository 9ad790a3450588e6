// SPDX-License-Identifier: MIT
#include "stage2/private.h"
#include "lib/string.h"
#include "mem/pool.h"
#include "stage2/spare.h"
#include "stage2/stage2.h"
#include "stage2/taken.h"
#include "hw/x86.h"
#include "vendor.h"

/* In an entry that points to a table: the table is this CPU's own. */
#define OWN STAGE2_TAKEN

static unsigned tables_needed; /* of one CPU, as private_reserve() has counted them */

static unsigned shift_of(unsigned level)
{
	return 12 + 9 * (level - 1);
}

static uint64_t *entry_at(uint64_t table, uint64_t gpa, unsigned level)
{
	return (uint64_t *)pool_virt(table & PTE_ADDRESS) + (gpa >> shift_of(level) & 511);
}

static uint64_t copy_table(struct stage2_private *p, uint64_t from)
{
	uint64_t to;

	if (p->used == p->count)
		return 0;
	to = p->table[p->used++];
	memcpy(pool_virt(to), pool_virt(from & PTE_ADDRESS), PAGE_SIZE);
	return to;
}

/* Copies the tables on the way to a page that has its own leaf. */
static void copy_path(struct stage2_private *p, uint64_t gpa)
{
	uint64_t table = p->root;

	for (unsigned level = 4; level > 1; level--) {
		uint64_t *entry = entry_at(table, gpa, level), own;

		if (!(*entry & stage2_tables.present) || *entry & PTE_LARGE)
			return;
		if (!(*entry & OWN)) {
			own = copy_table(p, *entry);
			if (!own)
				return;
			*entry = (*entry & ~PTE_ADDRESS) | own | OWN;
		}
		table = *entry;
	}
}

/* One page of each 2 MiB is enough. */
static void copy_paths(struct stage2_private *p)
{
	const struct stage2_range *r;

	for (unsigned i = 0; (r = stage2_taken_range(i)); i++)
		for (uint64_t at = r->first & ~(LARGE_PAGE - 1); at <= r->last; at += LARGE_PAGE)
			copy_path(p, at);
}

static uint64_t *leaf_of(const struct stage2_private *p, uint64_t gpa)
{
	struct page_tables own = stage2_tables;
	unsigned level;
	uint64_t *leaf;

	own.root = p->root;
	leaf = paging_leaf(&own, gpa, &level);
	return leaf && level == 1 && *leaf & STAGE2_TAKEN ? leaf : NULL;
}

/* The bits of a leaf that stand for each set of rights. */
#define RIGHTS (STAGE2_ALL | STAGE2_FETCH_USER)
static uint64_t rights_bits[RIGHTS + 1], rights_mask;

/* A page that can be written can be read, and if the CPU cannot let a page be executed alone, it can be read as well. */
static void note_rights(void)
{
	uint64_t none = stage2_page_bits(0, 0);

	for (unsigned r = 0; r <= RIGHTS; r++) {
		uint64_t bits = stage2_page_bits(0, r & STAGE2_WRITE ? r | STAGE2_READ : r);

		rights_bits[r] = r && bits == none ? stage2_page_bits(0, r | STAGE2_READ) : bits;
		rights_mask |= rights_bits[r] ^ none;
	}
	for (unsigned r = 0; r <= RIGHTS; r++)
		rights_bits[r] &= rights_mask;
}

SLOW_PATH static void look_up(struct stage2_private *p, uint64_t gpa, struct private_leaf *l)
{
	unsigned level;

	l->gpa = gpa;
	l->own = leaf_of(p, gpa);
	l->shared = paging_leaf(&stage2_tables, gpa, &level);
	l->left = stage2_rights(gpa);
	if (!l->shared)
		l->own = NULL;
}

/* The page's leaf here and the shared one; `own` is NULL if it is not a taken page. */
static const struct private_leaf *find_leaf(struct stage2_private *p, uint64_t gpa)
{
	struct private_leaf *l = &p->leaf[gpa / PAGE_SIZE % PRIVATE_LEAVES];

	if (l->gpa != gpa || !l->own)
		look_up(p, gpa, l);
	return l;
}

/*
 * The shared leaf may have fewer rights than those that are left, as the CPU does not allow every set of them. An opened page has
 * exactly the rights that were asked for, and those that the shared one has.
 */
static void open_leaf(struct stage2_private *p, const struct private_page *page)
{
	const struct private_leaf *l = find_leaf(p, page->gpa);

	if (l->own)
		*l->own = (*l->shared & ~rights_mask) | rights_bits[(l->left | page->rights) & RIGHTS];
}

static void close_leaf(struct stage2_private *p, const struct private_page *page)
{
	const struct private_leaf *l = find_leaf(p, page->gpa);

	if (l->own)
		*l->own = *l->shared;
}

/* Without the right to execute in its entries the top table lets nothing be executed. */
static void set_fetch(struct stage2_private *p)
{
	uint64_t right = rights_bits[STAGE2_READ | STAGE2_WRITE] ^ rights_bits[STAGE2_ALL],
		 present = stage2_tables.link, *entry = pool_virt(p->root);

	for (unsigned i = 0; i < 512; i++)
		if (entry[i] & present)
			entry[i] = (entry[i] & ~right) | (p->fetches == !(right & PTE_NX) ? right : 0);
}

SLOW_PATH static void build(struct stage2_private *p)
{
	stage2_lock();
	memset(p->leaf, 0, sizeof(p->leaf));
	p->version = atomic_load(&stage2_version);
	p->used = 0;
	memcpy(pool_virt(p->root), pool_virt(stage2_tables.root), PAGE_SIZE);
	*(uint64_t *)pool_virt(p->top) = p->root | stage2_tables.link;
	copy_paths(p);
	for (unsigned i = 0; i < p->open; i++)
		open_leaf(p, &p->page[i]);
	if (!p->fetches)
		set_fetch(p);
	stage2_unlock();
}

/* The number of different tables of a level below which pages are watched, counted by the first address of each. */
static unsigned count_tables(void)
{
	unsigned n = 0;

	for (unsigned shift = 21; shift <= 39; shift += 9) {
		const struct stage2_range *r, *before;

		for (unsigned i = 0; (r = stage2_taken_range(i)); i++) {
			uint64_t first = r->first >> shift, last = r->last >> shift;

			n += (unsigned)(last - first + 1);
			/* those of neighbouring entries are counted twice at most: a bound is enough */
			before = i ? stage2_taken_range(i - 1) : NULL;
			if (before && before->last >> shift == first && before->first >> shift <= first)
				n--;
		}
	}
	return n;
}

/* The guest and the operator choose the pages: what the pool keeps for other tables stays there. */
static uint64_t take_page(void)
{
	return spare_count() || pool_left() >= STAGE2_RESERVE + PAGE_SIZE ? spare_take(1) : 0;
}

/* With its two top tables; or none of the three pages. */
static struct stage2_private *make(void)
{
	uint64_t at = take_page(), root = take_page(), top = take_page();
	struct stage2_private *p = pool_virt(at);

	if (!top) {
		if (root)
			spare_give(root);
		if (at)
			spare_give(at);
		return NULL;
	}
	p->root = root;
	p->top = top;
	p->fetches = true;
	return p;
}

/* Tables that it gets before there is no more stay its own. */
static bool reserve(struct cpu *cpu)
{
	struct stage2_private *p = cpu->private_tables;

	if (!p)
		p = cpu->private_tables = make();
	if (!p)
		return false;
	p->version = 0;
	for (; p->count < tables_needed; p->count++) {
		p->table[p->count] = take_page();
		if (!p->table[p->count])
			return false;
	}
	return true;
}

bool private_reserve(void)
{
	_Static_assert(sizeof(struct stage2_private) <= PAGE_SIZE, "one page");
	bool done = true;

	note_rights();
	tables_needed = count_tables();
	if (tables_needed > PRIVATE_TABLES)
		return false;
	stage2_lock();
	for_each_cpu (c)
		done = done && reserve(c);
	stage2_unlock();
	return done;
}

void private_refresh(struct cpu *cpu)
{
	struct stage2_private *p = cpu->private_tables;

	if (p->version != atomic_load(&stage2_version))
		build(p);
}

static struct private_page *find(struct stage2_private *p, uint64_t page)
{
	for (unsigned i = 0; i < p->open; i++)
		if (p->page[i].gpa == page)
			return &p->page[i];
	return NULL;
}

void private_open(struct cpu *cpu, uint64_t gpa, unsigned right)
{
	struct stage2_private *p = cpu->private_tables;
	uint64_t page = gpa & ~(PAGE_SIZE - 1);
	struct private_page *at;

	private_refresh(cpu);
	at = find(p, page);
	if (at && at->rights & right)
		return;
	if (!at) {
		if (p->open ==
			PRIVATE_OPEN) { /* no instruction needs as many, except a gather: the oldest one is closed */
			close_leaf(p, &p->page[0]);
			memmove(&p->page[0], &p->page[1], sizeof(p->page) - sizeof(p->page[0]));
			p->open--;
		}
		at = &p->page[p->open++];
		*at = (struct private_page){.gpa = page};
	}
	at->rights |= right;
	open_leaf(p, at);
}

void private_fetch(struct cpu *cpu, bool on)
{
	struct stage2_private *p = cpu->private_tables;

	private_refresh(cpu);
	if (p->fetches == on)
		return;
	p->fetches = on;
	set_fetch(p);
}

void private_close(struct cpu *cpu)
{
	struct stage2_private *p = cpu->private_tables;

	while (p->open)
		close_leaf(p, &p->page[--p->open]);
	private_fetch(cpu, true);
}
