// SPDX-License-Identifier: MIT
#include <stddef.h>
#include "hw/msr.h"

static const char *smca_name(uint32_t msr)
{
	static const char *const names[16] = {
#define X(number, name) [number] = name,
		MSR_SMCA_REGS(X)
#undef X
	};

	return names[msr & 15];
}

/* A switch, because the compiler then rejects a number that is listed twice. */
const char *msr_name(uint32_t msr)
{
	switch (msr) {
#define X(number, enumerator, name)                                                                          \
	case number:                                                                                         \
		return name;
		MSR_LIST(X)
		MSR_BANKS(X)
#undef X
	}
	return msr >= MSR_SMCA_FIRST && msr <= MSR_SMCA_LAST ? smca_name(msr) : NULL;
}
