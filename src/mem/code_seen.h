// SPDX-License-Identifier: MIT
/*
 * An instruction that was read before, with the walk that led to it. What was found in its bytes then still holds if the guest's tables
 * and the bytes are unchanged, which is cheaper to see than to walk and to decode again. Both are the guest's, which may change them at any
 * time, so each use compares them. Pure: tested on the host.
 */
#ifndef TRAPLINE_CODE_SEEN_H
#define TRAPLINE_CODE_SEEN_H

#include "mem/guest_walk.h"
#include "mem/layout.h"

/* No instruction begins here: the address is not canonical in any paging mode (SDM vol. 1 3.3.7.1). */
#define CODE_SEEN_NONE    (1ull << 63)
#define CODE_SEEN_NO_WALK (~0ull) /* no value of CR3: the bytes came with the exit */

struct code_seen {
	uint64_t linear; /* of the instruction, in 64-bit mode; CODE_SEEN_NONE: empty */
	uint64_t code[2];
	struct code_page page; /* page.cr3 may be CODE_SEEN_NO_WALK */
};

/*
 * Remembers the 16 bytes at `linear`, which 64-bit code executes.
 *   page  this CPU's last page. If the code is not in it, the bytes came with the exit
 */
static inline void code_seen_note(struct code_seen *seen, uint64_t linear, const uint8_t *code,
	const struct guest_paging *p, const struct code_page *page)
{
	bool walked = code_page_holds(page, p->cr3, p->cr4, linear);

	seen->linear = linear;
	__builtin_memcpy(seen->code, code, sizeof(seen->code));
	seen->page = *page;
	if (!walked)
		seen->page.cr3 = CODE_SEEN_NO_WALK;
}

static inline uint64_t code_word(const void *code, unsigned n)
{
	uint64_t word;

	__builtin_memcpy(&word, (const char *)code + n * sizeof(word), sizeof(word));
	return word;
}

static inline bool code_seen_same(const struct code_seen *seen, const void *code)
{
	return !((code_word(code, 0) ^ seen->code[0]) | (code_word(code, 1) ^ seen->code[1]));
}

/* Whether 64-bit code at `linear` is still this instruction: the walk and the bytes are unchanged. */
static inline bool code_seen_holds(const struct code_seen *seen, uint64_t cr3, uint64_t cr4, uint64_t linear)
{
	return seen->linear == linear && code_page_leads(&seen->page, cr3, cr4) &&
	       code_seen_same(seen, code_page_byte(&seen->page, linear));
}

#endif
