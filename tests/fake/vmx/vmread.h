// SPDX-License-Identifier: MIT
/* A VMCS on the host, in place of src/vmx/vmread.h: every field exists and holds 64 bits. */
#ifndef TRAPLINE_VMREAD_H
#define TRAPLINE_VMREAD_H

#include <stdint.h>

#define FAKE_FIELDS 0x8000

extern uint64_t fake_vmcs[FAKE_FIELDS]; /* indexed by encoding */

static inline uint64_t vmread(uint32_t field)
{
	return fake_vmcs[field % FAKE_FIELDS];
}

static inline void vmwrite(uint32_t field, uint64_t value)
{
	fake_vmcs[field % FAKE_FIELDS] = value;
}

#endif
