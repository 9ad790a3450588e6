// SPDX-License-Identifier: MIT
/*
 * A page walk with every entry that it read, level by level: for reports. guest_translate() is the fast
 * one. APM vol. 2 chapter 5, SDM vol. 3A chapter 4. Pure: the caller provides the function that reads a table.
 */
#ifndef TRAPLINE_WALK_TRACE_H
#define TRAPLINE_WALK_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include "mem/guest_walk.h"
#include "trace/text.h"

#define WALK_LEVELS 5

struct walk_level {
	const char *name; /* PML5E, PML4E, PDPTE, PDE, PTE */
	uint64_t at;      /* physical address of the entry */
	uint64_t entry;
	bool readable; /* false: the entry is not in RAM, and `entry` is 0 */
	bool leaf;
	bool no_rights;   /* PAE's pointers have none: SDM vol. 3A table 4-8 */
	bool nx_reserved; /* EFER.NXE is clear: bit 63 must be 0 */
};

struct walk {
	const char *paging; /* "none", "32-bit", "PAE", "4-level", "5-level" */
	unsigned count;     /* number of levels that were reached */
	struct walk_level level[WALK_LEVELS];
	bool mapped; /* an address was found; rights are not checked */
	uint64_t physical;
	uint64_t page_size; /* with `mapped`; 0 without paging */
};

/* Reads 8 bytes at a physical address, which is a multiple of 8. */
typedef bool (*walk_read)(uint64_t physical, uint64_t *value);

void walk_trace(struct walk *w, const struct guest_paging *p, uint64_t linear, walk_read read);

/*
 * Writes one level in words: `PTE at=0x1000 entry=0x... bits="P W U A"`, and `why="..."` if this level refuses the
 * access.
 *   error          the error code of the page fault
 *   physical_bits  width of a physical address (CPUID Fn8000_0008 EAX[7:0]); address bits above it are reserved
 */
void walk_format(struct text *t, const struct walk_level *l, uint32_t error, unsigned physical_bits);

#endif
