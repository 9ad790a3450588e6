// SPDX-License-Identifier: MIT
/*
 * The smallest guest: it prints a line and returns to the firmware.
 *   fails  with an error
 */
#include "lib/guest.h"

const char guest_name[] = "hello";

EFI_STATUS guest_main(void)
{
	print("hello from a guest\n");
	return guest_option("fails") ? EFI_NOT_READY : EFI_SUCCESS;
}
