/* Shadow stacks and branch tracking of the guest's, whose state lives in MSRs and, for a VM entry that loads it, in the VMCS. */
#ifndef TRAPLINE_VMX_CET_H
#define TRAPLINE_VMX_CET_H

#include <stdbool.h>
#include <stdint.h>

typedef bool vmx_msr_writer(uint32_t msr, uint64_t value);

/*
 * As an INIT leaves it (SDM vol. 3A table 10-1): all 0.
 *   write         WRMSR, false where the register is not there
 *   entry_caps    the capability MSR of the VM-entry controls
 */
void vmx_cet_clear(vmx_msr_writer *write, uint64_t entry_caps);

#endif
