// SPDX-License-Identifier: MIT
#include "mem/paging.h"
#include <stddef.h>
#include "hw/x86.h"
#include "mem/layout.h"

#define LEVELS 4

static uint64_t level_size(unsigned level)
{
	return PAGE_SIZE << (9 * (level - 1));
}

static uint64_t *table_at(const struct page_tables *t, uint64_t pa)
{
	return (uint64_t *)((pa & PTE_ADDRESS) + t->offset);
}

static uint64_t *entry_of(uint64_t *table, uint64_t va, unsigned level)
{
	return &table[(va >> (12 + 9 * (level - 1))) & 511];
}

static bool is_leaf(uint64_t entry, unsigned level)
{
	return level == 1 || (entry & PTE_LARGE);
}

/* Replaces an entry by a table of 512 smaller leaves, or of empty entries. */
static bool make_table(struct page_tables *t, uint64_t *entry, unsigned level)
{
	uint64_t old = *entry, pa = t->alloc(1), small = level_size(level - 1);
	uint64_t *table;

	if (!pa)
		return false;
	table = table_at(t, pa);
	if (old & t->present)
		for (unsigned i = 0; i < 512; i++)
			table[i] = (level == 2 ? old & ~PTE_LARGE : old) + i * small;
	*entry = pa | t->link;
	return true;
}

static bool fits(const struct page_tables *t, unsigned level, uint64_t va, uint64_t pa, uint64_t size)
{
	return level <= t->largest && ((va | pa) & (level_size(level) - 1)) == 0 && size >= level_size(level);
}

/* Maps one leaf of the largest size that fits. Returns its size in bytes; 0 if there is no memory for a table. */
static uint64_t map_one(struct page_tables *t, uint64_t va, uint64_t pa, uint64_t size, uint64_t bits)
{
	uint64_t *table = table_at(t, t->root);

	for (unsigned level = LEVELS;; level--) {
		uint64_t *entry = entry_of(table, va, level);

		if (fits(t, level, va, pa, size)) {
			*entry = bits ? pa | bits | (level > 1 ? PTE_LARGE : 0) : 0;
			return level_size(level);
		}
		if ((!(*entry & t->present) || is_leaf(*entry, level)) && !make_table(t, entry, level))
			return 0;
		table = table_at(t, *entry);
	}
}

bool paging_map(struct page_tables *t, uint64_t va, uint64_t pa, uint64_t size, uint64_t bits)
{
	while (size) {
		uint64_t done = map_one(t, va, pa, size, bits);

		if (!done)
			return false;
		va += done;
		pa += done;
		size -= done;
	}
	return true;
}

uint64_t *paging_leaf(const struct page_tables *t, uint64_t va, unsigned *level)
{
	uint64_t *table = table_at(t, t->root);

	for (*level = LEVELS; *level; --*level) {
		uint64_t *entry = entry_of(table, va, *level);

		if (!(*entry & t->present))
			return NULL;
		if (is_leaf(*entry, *level))
			return entry;
		table = table_at(t, *entry);
	}
	return NULL;
}

/* The entry at this level; NULL if a larger leaf or nothing is there. */
static uint64_t *find_entry(const struct page_tables *t, uint64_t va, unsigned level)
{
	uint64_t *table = table_at(t, t->root);

	for (unsigned at = LEVELS;; at--) {
		uint64_t *entry = entry_of(table, va, at);

		if (at == level)
			return entry;
		if (!(*entry & t->present) || is_leaf(*entry, at))
			return NULL;
		table = table_at(t, *entry);
	}
}

/* Whether the entries map [0, 512) times `size` from the first one's address on, all of them by leaves with the same bits. */
static bool are_equal(const uint64_t *table, unsigned level, uint64_t ignored)
{
	uint64_t first = table[0] & ~ignored, size = level_size(level);

	if (!is_leaf(first, level) || (first & PTE_ADDRESS & (level_size(level + 1) - 1)))
		return false;
	for (unsigned i = 1; i < 512; i++)
		if ((table[i] & ~ignored) != first + i * size)
			return false;
	return true;
}

uint64_t paging_join(struct page_tables *t, uint64_t va, unsigned level, uint64_t ignored)
{
	uint64_t *entry = find_entry(t, va, level), *table, old;

	if (!entry || !(*entry & t->present) || is_leaf(*entry, level))
		return 0;
	old = *entry & PTE_ADDRESS;
	table = table_at(t, old);
	if (!(table[0] & t->present) || !are_equal(table, level - 1, ignored))
		return 0;
	*entry = (table[0] & ~ignored) | PTE_LARGE;
	return old;
}
