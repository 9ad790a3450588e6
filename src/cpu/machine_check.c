// SPDX-License-Identifier: MIT
#include "cpu/machine_check.h"
#include "hw/asm.h"
#include "hw/msr.h"
#include "hw/x86.h"

#define MCG_STATUS_RIPV 1 /* the interrupted code can continue: SDM vol. 3B 16.3.1.2, APM vol. 2 9.3.1.2 */
#define MCG_STATUS_EIPV 2 /* the interrupted instruction raised it */

/*
 * The banks and MCG_STATUS stay unchanged for the guest's handler. With CR4.MCE clear a CPU shuts down (SDM vol. 3A 6.15, APM vol. 2
 * 8.2.17); then Trapline reports the machine check.
 */
bool machine_check_is_guests(uint64_t guest_cr4)
{
	return guest_cr4 & CR4_MCE && rdmsr(MSR_MCG_STATUS) & MCG_STATUS_RIPV;
}

bool machine_check_by_instruction(void)
{
	return rdmsr(MSR_MCG_STATUS) & MCG_STATUS_EIPV;
}
