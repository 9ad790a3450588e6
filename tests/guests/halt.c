// SPDX-License-Identifier: MIT
/* Halts for good: CLI and HLT, which only an NMI, INIT or reset ends (SDM vol. 2A HLT). */
#include "lib/guest.h"

const char guest_name[] = "halt";

EFI_STATUS guest_main(void)
{
	print("halting\n");
	for (;;)
		__asm__ volatile("cli; hlt");
}
