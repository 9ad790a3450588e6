// SPDX-License-Identifier: MIT
#include "vmx/vmx_cet.h"
#include "vmx/vmcs.h"
#include "vmx/vmread.h"

/*
 * SSP is not an MSR: only a VM entry can load it. The control for that stays on. Later entries load what the guest has set,
 * because an exit saves the fields wherever the control exists (28.3.1).
 */
void vmx_cet_clear(cet_msr_writer *write, uint64_t entry_caps)
{
	cet_clear(write);
	if (!(entry_caps >> 32 & ENTRY_LOAD_CET))
		return;
	vmwrite(VMCS_GUEST_S_CET, 0);
	vmwrite(VMCS_GUEST_SSP, 0);
	vmwrite(VMCS_GUEST_SSP_TABLE, 0);
	vmwrite(VMCS_ENTRY_CONTROLS, vmread(VMCS_ENTRY_CONTROLS) | ENTRY_LOAD_CET);
}
