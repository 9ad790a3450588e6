// SPDX-License-Identifier: MIT
/*
 * How many bytes of memory an instruction accesses, from a short look at its bytes. Second-level paging reports where an access begins,
 * but not where it ends. Pure: tested on the host against Zydis.
 */
#ifndef TRAPLINE_ACCESS_H
#define TRAPLINE_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

struct access {
	uint8_t size;   /* bytes of its memory operand, of each step with REP; 0: not known */
	uint16_t bound; /* bytes that it may access from the reported address on */
	uint16_t below; /* and below it: instructions that push more than once */
	bool locked;    /* LOCK, or XCHG */
};

/*
 * Looks at an instruction.
 *   code, length  the bytes at RIP
 *   mode          16, 32 or 64
 */
struct access access_of(const uint8_t *code, unsigned length, unsigned mode);

#endif
