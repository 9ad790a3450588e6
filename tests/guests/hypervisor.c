// SPDX-License-Identifier: MIT
/*
 * The hypervisors that show themselves at CPUID 0x40000000 to 0x4000ffff, at multiples of 0x100: one line for each leaf. A CPU itself
 * has nothing there: AMD's return zeros, Intel's the contents of the last basic leaf (SDM vol. 2A, CPUID).
 */
#include "lib/cpu.h"
#include "lib/guest.h"

const char guest_name[] = "hypervisor";

#define PRESENT (1u << 31) /* leaf 1, ECX */
#define FIRST   0x40000000u
#define LAST    0x4000ffffu
#define STEP    0x100

static void show(uint32_t leaf)
{
	struct cpuid r = cpuid(leaf, 0);

	print("leaf number=%x eax=%x ebx=%x ecx=%x edx=%x\n", leaf, r.eax, r.ebx, r.ecx, r.edx);
}

EFI_STATUS guest_main(void)
{
	print("hypervisor present=%u\n", !!(cpuid(1, 0).ecx & PRESENT));
	for (uint32_t leaf = FIRST; leaf < LAST; leaf += STEP)
		show(leaf);
	show(FIRST + 1);
	show(LAST);
	return EFI_SUCCESS;
}
