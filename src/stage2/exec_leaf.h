// SPDX-License-Identifier: MIT
/* What the leaf of a page says about its execution (stage2/exec.h). Pure. */
#ifndef TRAPLINE_EXEC_LEAF_H
#define TRAPLINE_EXEC_LEAF_H

#include <stdbool.h>
#include <stdint.h>

/* Bits 56:52 of both vendors' leaves are software's (SDM vol. 3C table 29-7, APM vol. 2 5.4.1). */
#define EXEC_OPEN  (1ull << 52) /* it can be executed, and not written */
#define EXEC_TURN  (1ull << 53) /* counts how often a store has closed it */
#define EXEC_TURNS 15 /* then it is both: it holds code and data, or each of its instructions writes to it */
#define EXEC_BITS  (0x1full << 52)

enum exec_state {
	EXEC_STATE_NONE, /* not a page of the guest's, or nothing is mapped */
	EXEC_STATE_CLOSED,
	EXEC_STATE_OPEN,
	EXEC_STATE_BOTH
};

/* The state of a leaf with these bits. */
static inline enum exec_state exec_state_of(uint64_t leaf)
{
	if ((leaf & EXEC_BITS) / EXEC_TURN == EXEC_TURNS)
		return EXEC_STATE_BOTH;
	return leaf & EXEC_OPEN ? EXEC_STATE_OPEN : EXEC_STATE_CLOSED;
}

extern bool exec_on;

/* Each access to a watched page asks. */
static inline bool exec_is_on(void)
{
	return exec_on;
}

/* exec_switch()'s part. */
void exec_set(bool on);

/* The rights that a page with this leaf does not have: of STAGE2_READ and so on. */
unsigned exec_takes(uint64_t leaf);

#endif
