/*
 * The top of a stack, copied when a record is made. A process that dies takes its stack along: when the story is told, its
 * memory holds something else. Pure: who keeps one reads the guest's memory.
 */
#ifndef TRAPLINE_STACK_H
#define TRAPLINE_STACK_H

#include <stdint.h>
#include <trapline/record.h>
#include "trace/text.h"

#define STACK_KEPT_MAX 256u /* bytes */

struct kept_stack {
	uint64_t seq;    /* of the record that it belongs to; 0: of none, or it is being written */
	uint64_t linear; /* where it begins */
	uint32_t bytes;  /* how many of them could be read */
	uint32_t reserved;
	uint8_t at[STACK_KEPT_MAX];
};

/* The width of what PUSH pushes where the record's code runs. */
static inline unsigned stack_word(const struct trap_record *r)
{
	return r->mode / 8u;
}

/* The linear address of the top. Outside of 64-bit mode SS has a base, and SS.B says how much of ESP counts. */
static inline uint64_t stack_top(const struct trap_record *r)
{
	uint64_t rsp = r->gpr[TRAP_RSP];

	if (r->mode == 64)
		return rsp;
	return (uint32_t)(r->ss_base + (r->stack32 ? (uint32_t)rsp : (uint16_t)rsp));
}

/* A line of words: `stack 0xffffc90000003f58: 0000000000000000 ffffffff81001234`. `n` words of `size` bytes. */
void stack_format(struct text *t, uint64_t linear, const uint8_t *words, unsigned n, unsigned size);

#endif
