#include "lib/guest.h"
const char guest_name[] = "bench";
EFI_STATUS guest_main(void)
{
	return 0;
}
