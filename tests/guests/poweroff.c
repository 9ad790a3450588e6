// SPDX-License-Identifier: MIT
/* Powers off by the firmware's ResetSystem(EfiResetShutdown), UEFI 8.5.1. */
#include "lib/guest.h"

const char guest_name[] = "poweroff";

EFI_STATUS guest_main(void)
{
	print("powering off\n");
	guest_reset(EfiResetShutdown);
	print("still here\n");
	return EFI_UNSUPPORTED;
}
