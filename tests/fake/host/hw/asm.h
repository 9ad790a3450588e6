// SPDX-License-Identifier: MIT
/* DR6 on the host, where reading it is not allowed: a variable. All else is src/hw/asm.h. */
#define read_dr6 read_real_dr6
#include "../../../../src/hw/asm.h"
#undef read_dr6

#ifndef TRAPLINE_FAKE_ASM_H
#define TRAPLINE_FAKE_ASM_H

extern uint64_t fake_dr6;

static inline uint64_t read_dr6(void)
{
	return fake_dr6;
}

#endif
