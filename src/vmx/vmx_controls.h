// SPDX-License-Identifier: MIT
/* The control words of a VMCS, computed from the capability MSRs. Pure: tested on the host. */
#ifndef TRAPLINE_VMX_CONTROLS_H
#define TRAPLINE_VMX_CONTROLS_H

#include <stdbool.h>
#include <stdint.h>
#include "vmx/vmcs.h"

struct vmx_controls {
	uint32_t pin, cpu, cpu2, exit, entry;
};

/*
 * Computes the control words.
 *   read   reads a capability MSR
 *   basic  IA32_VMX_BASIC
 *   asked  the bits that the exits need: vmx_ask_for_exits()
 *   c      out: the result
 * Returns NULL, or a line that names a needed control that the CPU lacks, or one that it cannot turn off; valid until the
 * next call.
 */
const char *vmx_controls_compute(uint64_t (*read)(uint32_t msr), uint64_t basic,
	const uint32_t asked[VMX_CONTROL_WORDS], struct vmx_controls *c);

/* Whether the CPU allows a control. */
bool vmx_may(uint64_t (*read)(uint32_t msr), uint64_t basic, enum vmx_control_word word, uint32_t control);

#endif
