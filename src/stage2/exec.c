// SPDX-License-Identifier: MIT
#include "stage2/exec.h"
#include "mem/layout.h"
#include "stage2/stage2.h"

static uint64_t unseen, mixed;

void exec_switch(bool on)
{
	exec_set(on);
	unseen = mixed = 0;
	stage2_renew(!on);
}

/* A large leaf that lets code be executed was opened for want of memory. */
enum exec_state exec_state(uint64_t gpa)
{
	uint64_t size, leaf;

	if (!exec_is_on() || stage2_is_hidden(gpa))
		return EXEC_STATE_NONE;
	leaf = stage2_leaf(gpa, &size);
	if (!leaf)
		return EXEC_STATE_NONE;
	return size > PAGE_SIZE ? EXEC_STATE_CLOSED : exec_state_of(leaf);
}

void exec_open(uint64_t gpa)
{
	uint64_t size;

	if (!stage2_mark(gpa, EXEC_BITS, EXEC_OPEN | (stage2_leaf(gpa, &size) & EXEC_BITS)))
		unseen += stage2_open_all(gpa);
}

void exec_close(uint64_t gpa)
{
	uint64_t size, old = stage2_leaf(gpa, &size) & EXEC_BITS & ~EXEC_OPEN;

	stage2_mark(gpa, EXEC_BITS, old + EXEC_TURN);
	mixed += exec_state_of(old + EXEC_TURN) == EXEC_STATE_BOTH;
}

void exec_forget(uint64_t gpa)
{
	uint64_t size;

	if (!exec_is_on() || stage2_is_hidden(gpa) || !stage2_leaf(gpa, &size) || size > PAGE_SIZE)
		return;
	stage2_mark(gpa, EXEC_BITS, 0);
}

uint64_t exec_mixed(void)
{
	return mixed;
}

uint64_t exec_unseen(void)
{
	return unseen;
}
