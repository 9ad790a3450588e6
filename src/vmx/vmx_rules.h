/* VT-x: words of the VMCS and answers to the guest in which the manual leaves no choice. Pure: tested on the host. */
#ifndef TRAPLINE_VMX_RULES_H
#define TRAPLINE_VMX_RULES_H

#include <stdbool.h>
#include <stdint.h>
#include "hw/asm.h"

/*
 * The host's CR4: paging in 64-bit mode, machine checks, and what VMX operation fixes. Nothing of the firmware's: with CET, PCIDE,
 * PKS or LASS the VMM would run on rules that it does not keep to, and without MCE a machine check is a shutdown without a word.
 */
uint64_t vmx_host_cr4(uint64_t fixed0, bool xsave);

/* TR of the firmware's, whose descriptor may read as available: EDK II's CPUs share one TSS. It is a busy 64-bit one (27.3.1.2). */
uint32_t vmx_tr_rights(uint32_t rights);

/*
 * 27.2.1.3: whether an exception of this vector can be injected with its error code. Where IA32_VMX_BASIC[56] is clear the CPU
 * knows only of those that were there before CET, so that #CP cannot.
 */
bool vmx_can_inject(uint64_t basic, unsigned vector);

/* Vectors to intercept, without those that could not be given back. */
uint32_t vmx_exceptions(uint64_t basic, uint32_t wanted);

/* IA32_FEATURE_CONTROL as VMXON needs it (24.7), with what the guest could have turned on before it is locked. */
uint64_t vmx_feature_control(uint64_t firmware, bool sgx, bool sgx_launch, bool lmce);

/*
 * What CPUID must not show: VT-x itself, what writes to memory past second-level paging (PEBS and BTS, processor trace, hardware
 * feedback), and instructions that raise #UD in a guest for want of a control.
 *   cpu2  the secondary controls as they are set
 */
void vmx_hide(uint32_t leaf, uint32_t subleaf, uint32_t cpu2, struct cpuid *r);

/* Whether the guest's IA32_XSS may be this: XRSTORS would load processor trace's MSRs. */
bool vmx_accepts_xss(uint64_t value);

#endif
