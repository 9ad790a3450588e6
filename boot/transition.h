// SPDX-License-Identifier: MIT
/* The page tables for the first call of the VMM. Pure: tested on the host. */
#ifndef TRAPLINE_TRANSITION_H
#define TRAPLINE_TRANSITION_H

#include <stdbool.h>
#include <stdint.h>

#define TRANSITION_PAGES 4

/*
 * Builds the firmware's page tables with the region mapped at VMM_BASE as well. With 5-level paging (CR4.LA57) the tables have five
 * levels: CR4.LA57 can only be cleared outside long mode (SDM vol. 3A 4.1.2).
 *   tables    TRANSITION_PAGES pages, mapped one to one
 *   firmware  the page at CR3
 *   five      paging has five levels
 *   region    physical address of the VMM's memory
 *   size      its size in bytes
 * Returns the page for CR3, or NULL if the firmware itself uses the place at VMM_BASE.
 */
uint64_t *transition_fill(
	uint64_t (*tables)[512], const uint64_t *firmware, bool five, uint64_t region, uint64_t size);

#endif
