// SPDX-License-Identifier: MIT
/*
 * The top of a stack, copied when a record is made. A process's stack is gone when the process has died and the story is printed.
 * Pure: the caller reads the guest's memory.
 */
#ifndef TRAPLINE_STACK_H
#define TRAPLINE_STACK_H

#include <stdint.h>
#include <trapline/record.h>
#include "trace/text.h"

#define STACK_SAVED_MAX 256u /* bytes */

struct saved_stack {
	uint64_t seq;    /* of the record that it belongs to; 0: none, or it is being written */
	uint64_t linear; /* address of the first byte */
	uint32_t bytes;  /* number that could be read */
	uint32_t reserved;
	uint8_t at[STACK_SAVED_MAX];
};

/* The width in bytes of a PUSH in the record's mode. */
static inline unsigned stack_word(const struct trap_record *r)
{
	return r->mode / 8u;
}

/* The linear address of the top. Outside of 64-bit mode SS has a base, and SS.B decides how many bits of ESP are valid. */
static inline uint64_t stack_top(const struct trap_record *r)
{
	uint64_t rsp = r->gpr[TRAP_RSP];

	if (r->mode == 64)
		return rsp;
	return (uint32_t)(r->ss_base + (r->stack32 ? (uint32_t)rsp : (uint16_t)rsp));
}

/*
 * Writes a line of words: `stack 0xffffc90000003f58: 0000000000000000 ffffffff81001234`.
 *   n, size  number of words, and bytes of each
 */
void stack_format(struct text *t, uint64_t linear, const uint8_t *words, unsigned n, unsigned size);

#endif
