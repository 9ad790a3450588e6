/* The smallest guest: it prints a line and returns to the firmware. */
#include "lib/guest.h"

const char guest_name[] = "hello";

EFI_STATUS guest_main(void)
{
	print("hello from a guest\n");
	return EFI_SUCCESS;
}
