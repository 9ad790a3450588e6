// SPDX-License-Identifier: MIT
/* What the loader reads from the CPU itself. */
#include <lib/string.h>
#include "loader.h"
#include "hw/asm.h"

#define CPUID_FEATURES   0x00000001
#define CPUID_TOPOLOGY   0x0000000b
#define CPUID_HYPERVISOR 0x40000000
#define HYPERVISOR_BIT   (1u << 31) /* leaf 1 ECX */

/* Leaf 0xb has all 32 bits of an x2APIC identifier, leaf 1 only 8 (SDM vol. 3A 11.12.8). */
uint64_t cpu_apic_id(void)
{
	if (cpuid(0, 0).eax >= CPUID_TOPOLOGY) {
		struct cpuid t = cpuid(CPUID_TOPOLOGY, 0);
		if (t.ebx)
			return t.edx;
	}
	return cpuid(CPUID_FEATURES, 0).ebx >> 24;
}

bool cpu_is_guest(void)
{
	/* Without a hypervisor the leaf is not defined. */
	if (!(cpuid(CPUID_FEATURES, 0).ecx & HYPERVISOR_BIT))
		return false;
	struct cpuid h = cpuid(CPUID_HYPERVISOR, 0);
	uint32_t signature[3] = {h.ebx, h.ecx, h.edx};
	return !memcmp(signature, "TraplineVMM", 12);
}
