// SPDX-License-Identifier: MIT
/*
 * The callers of the code that faulted: return addresses on the stack of a record. Pure: the caller provides the function that
 * reads memory, and memory may hold anything. Every address that is found follows a CALL, and the work is bounded.
 */
#ifndef TRAPLINE_BACKTRACE_H
#define TRAPLINE_BACKTRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <trapline/record.h>
#include "trace/text.h"

#define BACKTRACE_MAX   16
#define BACKTRACE_WORDS 128 /* words of the stack that are searched */

/* X(name, text, meaning) */
#define BACKTRACE_HOWS(X)                                                                                    \
	X(BACKTRACE_CALL, "call",                                                                            \
		"on top of the stack, where a CALL has just led to the place of the fault")                  \
	X(BACKTRACE_FRAME, "frame", "in a frame of the chain that RBP begins")                               \
	X(BACKTRACE_GUESS, "guess", "found on the stack: it may be left over from an earlier call")

#define X(name, text, meaning) name,
enum backtrace_how {
	BACKTRACE_HOWS(X)
};
#undef X

struct backtrace_place {
	uint64_t rip;   /* the return address: an offset into CS, like RIP */
	uint64_t stack; /* its linear address on the stack; with `times`, of the first one */
	uint32_t times; /* occurrences in a row: a function that calls itself */
	enum backtrace_how how;
};

struct backtrace {
	unsigned count;
	struct backtrace_place place[BACKTRACE_MAX]; /* the innermost caller first */
};

/* Reads n bytes at a linear address of the guest. Returns false unless all could be read. */
typedef bool backtrace_read(void *context, uint64_t linear, void *to, unsigned n);

/* Finds the callers of a record's code. Its own RIP is not among the places. */
void backtrace_collect(struct backtrace *b, const struct trap_record *r, backtrace_read *read, void *context);

/* Writes `by 0xffffffff81001234 stack=0xffffc90000003f58 how=frame`, and `times=3` for a repeated one. */
void backtrace_format(struct text *t, const struct backtrace_place *p);

#endif
