// SPDX-License-Identifier: MIT
/* A CPU's features in VMX operation from its capability MSRs, and the resulting controls. */
#ifndef TRAPLINE_VMX_CAPS_H
#define TRAPLINE_VMX_CAPS_H

#include <stdbool.h>
#include <stdint.h>
#include "vmx/vmx_controls.h"

struct vmx_caps {
	uint64_t basic;                                          /* IA32_VMX_BASIC */
	uint64_t ept_vpid;                                       /* IA32_VMX_EPT_VPID_CAP */
	uint64_t misc;                                           /* IA32_VMX_MISC */
	uint64_t cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1; /* IA32_VMX_CR0_FIXED0 and so on */
	struct vmx_controls controls;
	bool has_trap_flag;     /* the monitor trap flag: vmx_step.c */
	bool has_table_exiting; /* A.3.3: older CPUs do not have it */
	bool injects_cp;        /* from basic: #CP can be injected with its error code (27.2.1.3) */
};

#endif
