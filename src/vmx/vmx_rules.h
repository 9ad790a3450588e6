// SPDX-License-Identifier: MIT
/* VT-x: words of the VMCS and results for the guest that the manual defines completely. Pure: tested on the host. */
#ifndef TRAPLINE_VMX_RULES_H
#define TRAPLINE_VMX_RULES_H

#include <stdbool.h>
#include <stdint.h>
#include "hw/asm.h"

/*
 * The host's CR4: PAE, MCE, OSXSAVE and the bits that VMX operation fixes. Of the firmware's bits (`now`) only LA57: the VMM does not
 * follow the rules of CET, PCIDE, PKS or LASS. Without MCE a machine check would be a shutdown without a report.
 */
uint64_t vmx_host_cr4(uint64_t now, uint64_t fixed0, bool xsave);

/* Makes the firmware's TR a busy 64-bit TSS (27.3.1.2). EDK II's CPUs share one, whose descriptor may be marked available. */
uint32_t vmx_tr_rights(uint32_t rights);

/*
 * Whether an exception of this vector can be injected with its error code (27.2.1.3). If IA32_VMX_BASIC[56] is clear, #CP
 * cannot, because the CPU knows only the error codes from before CET.
 */
bool vmx_can_inject(uint64_t basic, unsigned vector);

/* The vectors to intercept, without those that could not be injected. */
uint32_t vmx_exceptions(uint64_t basic, uint32_t wanted);

/* IA32_FEATURE_CONTROL as VMXON needs it (24.7). Once locked, the guest cannot turn SGX and LMCE on, so they are turned on. */
uint64_t vmx_feature_control(uint64_t firmware, bool sgx, bool sgx_launch, bool lmce);

/*
 * Hides from CPUID: VT-x itself, features that write to memory without regard to second-level paging (PEBS and BTS, processor trace, hardware
 * feedback), and instructions that raise #UD in a guest because a control is missing.
 *   cpu2  the secondary controls in use
 */
void vmx_hide(uint32_t leaf, uint32_t subleaf, uint32_t cpu2, struct cpuid *r);

/* Whether the guest may have this IA32_XSS: XRSTORS must not load processor trace's MSRs. */
bool vmx_accepts_xss(uint64_t value);

#endif
