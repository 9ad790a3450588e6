// SPDX-License-Identifier: MIT
/* Page tables: the firmware's own, plus one top-level entry for the window (machine.h). */
#ifndef GUEST_PAGING_H
#define GUEST_PAGING_H

#include <stdint.h>

#define PTE_LARGE_RESERVED (1ull << 13)
#define PTE_KEY1           (1ull << 59)
#define PTE_RESERVED       (1ull << 51) /* reserved where physical addresses have fewer than 52 bits */

/* Rebuilds the window and loads it; `base` is the CR3 whose other mappings stay. */
void paging_reset(uint64_t base);

/* Replaces the entry of one page of the window. */
void paging_map(uint64_t address, const void *frame, uint64_t bits);

/*
 * The low byte of each entry on the path to an address of the window, the topmost in the highest byte; 0 for
 * an address outside.
 */
uint32_t paging_walk(uint64_t address);

/* Watches the tables, the data and the user stack: guest_watch(). */
void paging_watch(void);

/* The memory behind PAGE_DATA. */
void *paging_data(void);

#endif
