// SPDX-License-Identifier: MIT
/* Compares what the CPUs of one machine can do in VMX operation. Pure: tested on the host. */
#ifndef TRAPLINE_VMX_SAME_H
#define TRAPLINE_VMX_SAME_H

#include "vmx/vmx_caps.h"

/*
 * Returns NULL if `other` can run with the boot CPU's controls, tables and permission maps; otherwise a line that names the first difference.
 * Features that Trapline does not use may differ.
 */
const char *vmx_differs(const struct vmx_caps *boot, const struct vmx_caps *other);

#endif
