#include "vmx/vmx.h"
unsigned vmx_check_guest(void)
{
	return 0;
}
