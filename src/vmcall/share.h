// SPDX-License-Identifier: MIT
/*
 * Shares: named lists of the guest's pages. The guest's kernel module pins the pages, opens the share,
 * and closes it before it frees them. In between Trapline and its operator access them by name.
 */
#ifndef TRAPLINE_VMCALL_SHARE_H
#define TRAPLINE_VMCALL_SHARE_H

#include <stdbool.h>
#include <stdint.h>
#include <trapline/abi.h>

#define SHARE_PAGES_MAX 4096 /* 16 MiB */

/*
 * Sets the memory for the lists of pages.
 *   memory  TRAPLINE_SHARES * SHARE_PAGES_MAX words
 */
void share_init(uint64_t *memory);

/* The size of that memory in bytes. */
#define SHARE_MEMORY (TRAPLINE_SHARES * SHARE_PAGES_MAX * sizeof(uint64_t))

/* Describes share n, from 0. False: none is open there. */
bool share_at(unsigned n, struct trapline_share *out);

/* The number of the share with this name; 0: none has it. */
uint32_t share_find(const char *name);

/*
 * Copy between the share and `buffer`.
 *   bytes  at most one page at a time, so that a close never waits long
 * Returns the number of bytes copied: fewer at the share's end, 0 if it is not open (any more).
 */
uint64_t share_read(uint32_t number, uint64_t offset, void *buffer, uint64_t bytes);
uint64_t share_write(uint32_t number, uint64_t offset, const void *buffer, uint64_t bytes);

#endif
