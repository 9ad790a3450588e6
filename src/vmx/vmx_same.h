/* CPUs of one machine that can do different things in VMX operation. Pure: tested on the host. */
#ifndef TRAPLINE_VMX_SAME_H
#define TRAPLINE_VMX_SAME_H

#include "vmx/vmx_caps.h"

/*
 * NULL: `other` can run on the boot CPU's controls, tables and permission maps. Else a line that names the first difference.
 * What Trapline does not use may differ.
 */
const char *vmx_differs(const struct vmx_caps *boot, const struct vmx_caps *other);

#endif
