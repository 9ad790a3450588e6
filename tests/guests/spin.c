// SPDX-License-Identifier: MIT
/* Never ends: CPUID for ever. For what is done to a machine from outside. */
#include "lib/cpu.h"
#include "lib/guest.h"

const char guest_name[] = "spin";

EFI_STATUS guest_main(void)
{
	for (;;)
		cpuid(0, 0);
}
