// SPDX-License-Identifier: MIT
/* MSRs on the host, where reaching them is not allowed: the test's functions. All else is src/hw/asm.h. */
#define rdmsr rdmsr_real
#define wrmsr wrmsr_real
#include "../../../../src/hw/asm.h"
#undef rdmsr
#undef wrmsr

#ifndef TRAPLINE_FAKE_MSR_H
#define TRAPLINE_FAKE_MSR_H

uint64_t fake_rdmsr(uint32_t msr);
void fake_wrmsr(uint32_t msr, uint64_t value);

static inline uint64_t rdmsr(uint32_t msr)
{
	return fake_rdmsr(msr);
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
	fake_wrmsr(msr, value);
}

#endif
