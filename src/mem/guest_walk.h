/*
 * The guest's own page tables, walked by software without ever faulting: no paging, 32-bit, PAE, 4- and 5-level
 * (APM vol. 2 chapter 5, SDM vol. 3A chapter 4).
 */
#ifndef TRAPLINE_GUEST_WALK_H
#define TRAPLINE_GUEST_WALK_H

#include <stdbool.h>
#include <stdint.h>
#include <trapline/record.h>

struct guest_paging {
	uint64_t cr0, cr3, cr4, efer;
};

/* Whether the bits above the linear address are copies of its highest: always outside of long mode. */
bool guest_is_canonical(const struct guest_paging *p, uint64_t linear);

/*
 * Guest-physical address of a guest-linear one. Rights are not checked, accessed bits not set: this is the reader's view.
 * Returns false where a level is not present or does not lie in RAM.
 */
bool guest_translate(const struct guest_paging *p, uint64_t linear, uint64_t *physical);

/*
 * Reads up to n bytes of guest-linear memory, RAM only. Returns how many could be read, from the start on.
 */
unsigned guest_read(const struct guest_paging *p, uint64_t linear, void *to, unsigned n);

/*
 * The code bytes at a guest-linear address: guest_read() of TRAP_CODE_MAX bytes, in a dozen instructions where they lie
 * in one page. `to` has room for 16. Returns 0 to 15.
 */
unsigned guest_fetch(const struct guest_paging *p, uint64_t linear, uint8_t *to);

#endif
