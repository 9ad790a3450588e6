/*
 * Shares: lists of the guest's pages under a name. The guest's kernel module pins the pages, opens the share
 * and closes it before it lets them go; in between Trapline and its operator reach them by name.
 */
#ifndef TRAPLINE_VMCALL_SHARE_H
#define TRAPLINE_VMCALL_SHARE_H

#include <stdbool.h>
#include <stdint.h>
#include <trapline/abi.h>

#define SHARE_PAGES_MAX 4096 /* 16 MiB */

/* `memory`: TRAPLINE_SHARES * SHARE_PAGES_MAX words for the lists of pages. */
void share_init(uint64_t *memory);

/* The bytes that takes. */
#define SHARE_MEMORY (TRAPLINE_SHARES * SHARE_PAGES_MAX * sizeof(uint64_t))

/* Share n, from 0. False: none is open there. */
bool share_at(unsigned n, struct trapline_share *out);

/* The number of the share with this name; 0: there is none. */
uint32_t share_find(const char *name);

/*
 * Copies between the share and `buffer`. `bytes`: one page's worth at most at a time, so that a close never
 * waits long. Returns how many were copied, fewer at the share's end; 0 when it is not open (any more).
 */
uint64_t share_read(uint32_t number, uint64_t offset, void *buffer, uint64_t bytes);
uint64_t share_write(uint32_t number, uint64_t offset, const void *buffer, uint64_t bytes);

#endif
