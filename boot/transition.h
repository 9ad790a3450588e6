/* The page tables of the VMM's first call. Pure: tested on the host. */
#ifndef TRAPLINE_TRANSITION_H
#define TRAPLINE_TRANSITION_H

#include <stdbool.h>
#include <stdint.h>

#define TRANSITION_PAGES 4

/*
 * The firmware's page tables, with the region at VMM_BASE on top. With 5-level paging (CR4.LA57) it stays on: leaving it takes
 * leaving long mode (SDM vol. 3A 4.1.2).
 *   tables    TRANSITION_PAGES pages; physical and linear addresses are the same
 *   firmware  the page at CR3
 *   five      there are five levels
 * Returns the page for CR3; NULL: the firmware uses the place at VMM_BASE itself.
 */
uint64_t *transition_fill(
	uint64_t (*tables)[512], const uint64_t *firmware, bool five, uint64_t region, uint64_t size);

#endif
