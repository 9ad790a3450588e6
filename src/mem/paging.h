// SPDX-License-Identifier: MIT
/*
 * Builds 4-level page tables with the largest pages that fit. The same code makes the host's tables, the nested tables of
 * AMD-V (APM vol. 2 15.25) and the EPT of VT-x (SDM vol. 3C 29.3): they have the same structure, address field and
 * large-page bit, and differ in the bits that the caller gives. Pure: tested on the host.
 */
#ifndef TRAPLINE_PAGING_H
#define TRAPLINE_PAGING_H

#include <stdbool.h>
#include <stdint.h>

struct page_tables {
	uint64_t root;    /* physical address of the top table */
	uint64_t offset;  /* the difference between a table's virtual and physical address */
	uint64_t link;    /* bits of an entry that points to a table, among them one of `present` */
	uint64_t present; /* an entry with none of these bits set is empty */
	unsigned largest; /* level of the largest leaf: 1 4 KiB, 2 2 MiB, 3 1 GiB */
	uint64_t (*alloc)(uint64_t pages); /* zeroed pages, physical; 0: none left */
};

/*
 * Maps [va, va + size) to [pa, pa + size) with `bits` in each leaf, and replaces earlier mappings. Splits large leaves at
 * the edges.
 *   va, pa, size  multiples of 4096
 *   bits          0 unmaps
 * Returns false if a table could not be allocated; the part that was mapped by then stays.
 */
bool paging_map(struct page_tables *t, uint64_t va, uint64_t pa, uint64_t size, uint64_t bits);

/*
 * The entry that maps va; NULL if nothing does.
 *   level  out: 1 4 KiB, 2 2 MiB, 3 1 GiB
 */
uint64_t *paging_leaf(const struct page_tables *t, uint64_t va, unsigned *level);

/*
 * Replaces a table of 512 equal leaves, which map what one larger leaf would, by that leaf.
 *   level    of the larger leaf: 2 2 MiB, 3 1 GiB
 *   ignored  bits in which the leaves may differ; they are clear afterwards
 * Returns the table's physical address, which is the caller's now; 0 if there is none or its leaves are not equal.
 */
uint64_t paging_join(struct page_tables *t, uint64_t va, unsigned level, uint64_t ignored);

#endif
