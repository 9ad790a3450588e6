// SPDX-License-Identifier: MIT
/* The guest's shadow stacks and branch tracking: their state is in MSRs, and in the VMCS if VM entries load it. */
#ifndef TRAPLINE_VMX_CET_H
#define TRAPLINE_VMX_CET_H

#include "hw/cet.h"

/*
 * Clears that state, as INIT does (SDM vol. 3A table 10-1).
 *   write       WRMSR; returns false if the register does not exist
 *   entry_caps  the capability MSR of the VM-entry controls
 */
void vmx_cet_clear(cet_msr_writer *write, uint64_t entry_caps);

#endif
