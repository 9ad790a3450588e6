// SPDX-License-Identifier: MIT
/* DR0 to DR3, DR6, CR0, CR4 and the MSRs on the host, where reading them is not allowed: variables and functions. All else is src/hw/asm.h. */
#define read_dr6      read_real_dr6
#define debug_address read_real_debug
#define read_cr0      read_real_cr0
#define read_cr4      read_real_cr4
#define write_cr0     write_real_cr0
#define write_cr4     write_real_cr4
#define rdmsr         read_real_msr
#define wrmsr         write_real_msr
#define wrmsr_safe    try_real_msr
#include "../../../../src/hw/asm.h"
#undef read_dr6
#undef debug_address
#undef read_cr0
#undef read_cr4
#undef write_cr0
#undef write_cr4
#undef rdmsr
#undef wrmsr
#undef wrmsr_safe

#ifndef TRAPLINE_FAKE_ASM_H
#define TRAPLINE_FAKE_ASM_H

extern uint64_t fake_dr6, fake_cr0, fake_cr4, fake_debug[4];

/* Returns false if the CPU refuses the value. */
bool fake_wrmsr(uint32_t msr, uint64_t value);
uint64_t fake_rdmsr(uint32_t msr);

static inline uint64_t rdmsr(uint32_t msr)
{
	return fake_rdmsr(msr);
}

static inline bool wrmsr_safe(uint32_t msr, uint64_t value)
{
	return fake_wrmsr(msr, value);
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
	fake_wrmsr(msr, value);
}

static inline uint64_t read_dr6(void)
{
	return fake_dr6;
}

static inline uint64_t debug_address(unsigned n)
{
	return fake_debug[n];
}

static inline uint64_t read_cr0(void)
{
	return fake_cr0;
}

static inline void write_cr0(uint64_t value)
{
	fake_cr0 = value;
}

static inline uint64_t read_cr4(void)
{
	return fake_cr4;
}

static inline void write_cr4(uint64_t value)
{
	fake_cr4 = value;
}

#endif
