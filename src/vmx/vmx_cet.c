// SPDX-License-Identifier: MIT
#include "vmx/vmx_cet.h"
#include "hw/msr.h"
#include "lib/array.h"
#include "vmx/vmcs.h"
#include "vmx/vmread.h"

/*
 * SSP is not an MSR: only a VM entry can load it. The control for that stays on. Later entries load what the guest has set,
 * because an exit saves the fields wherever the control exists (28.3.1).
 */
void vmx_cet_clear(vmx_msr_writer *write, uint64_t entry_caps)
{
	static const uint32_t msrs[] = {MSR_U_CET, MSR_S_CET, MSR_PL0_SSP, MSR_PL1_SSP, MSR_PL2_SSP,
		MSR_PL3_SSP, MSR_INTERRUPT_SSP_TABLE_ADDR};

	for (unsigned i = 0; i < ARRAY_SIZE(msrs); i++)
		write(msrs[i], 0);
	if (!(entry_caps >> 32 & ENTRY_LOAD_CET))
		return;
	vmwrite(VMCS_GUEST_S_CET, 0);
	vmwrite(VMCS_GUEST_SSP, 0);
	vmwrite(VMCS_GUEST_SSP_TABLE, 0);
	vmwrite(VMCS_ENTRY_CONTROLS, vmread(VMCS_ENTRY_CONTROLS) | ENTRY_LOAD_CET);
}
