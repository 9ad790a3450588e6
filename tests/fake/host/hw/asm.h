// SPDX-License-Identifier: MIT
/* DR6 and CR0 on the host, where reading them is not allowed: variables. All else is src/hw/asm.h. */
#define read_dr6  read_real_dr6
#define read_cr0  read_real_cr0
#define write_cr0 write_real_cr0
#include "../../../../src/hw/asm.h"
#undef read_dr6
#undef read_cr0
#undef write_cr0

#ifndef TRAPLINE_FAKE_ASM_H
#define TRAPLINE_FAKE_ASM_H

extern uint64_t fake_dr6, fake_cr0;

static inline uint64_t read_dr6(void)
{
	return fake_dr6;
}

static inline uint64_t read_cr0(void)
{
	return fake_cr0;
}

static inline void write_cr0(uint64_t value)
{
	fake_cr0 = value;
}

#endif
