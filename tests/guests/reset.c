// SPDX-License-Identifier: MIT
/* Resets by the firmware's ResetSystem(EfiResetCold), UEFI 8.5.1. */
#include "lib/guest.h"

const char guest_name[] = "reset";

EFI_STATUS guest_main(void)
{
	print("resetting\n");
	guest_reset(EfiResetCold);
	print("still here\n");
	return EFI_UNSUPPORTED;
}
