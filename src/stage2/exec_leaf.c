// SPDX-License-Identifier: MIT
#include "stage2/exec_leaf.h"
#include "cpu/exit.h"

bool exec_on;

unsigned exec_takes(uint64_t leaf)
{
	enum exec_state s = exec_state_of(leaf);

	if (!exec_on || s == EXEC_STATE_BOTH)
		return 0;
	return s == EXEC_STATE_OPEN ? STAGE2_WRITE : STAGE2_FETCH;
}

void exec_set(bool on)
{
	exec_on = on;
}
