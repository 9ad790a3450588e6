// SPDX-License-Identifier: MIT
/* What a record takes of the VMCS, inlined: vmx_capture() and the usual exception (exit/usual.h) use it. */
#ifndef TRAPLINE_VMX_CAPTURE_H
#define TRAPLINE_VMX_CAPTURE_H

#include "exit/record.h"
#include "hw/asm.h"
#include "vmx/vmx.h"

/* The members that do not depend on the mode, except rip and cr2. */
__attribute__((always_inline)) static inline void vmx_capture_registers(
	struct trap_record *r, const struct cpu *cpu, const struct vmx_cpu *vmx, const struct guest_paging *p)
{
	record_gprs(r, cpu);
	r->gpr[TRAP_RSP] = vmread(VMCS_GUEST_RSP);
	r->cr3 = p->cr3;
	r->fs_base = vmread(VMCS_GUEST_FS_BASE);
	r->gs_base = vmread(VMCS_GUEST_GS_BASE);
	r->cr0 = (uint32_t)((p->cr0 & ~CR0_OWNED) | vmx->cr0_shadow);
	r->cr4 = (uint32_t)(p->cr4 & ~CR4_OWNED);
	r->efer = (uint32_t)p->efer;
	r->rflags = (uint32_t)vmx->rflags;
	r->dr6 = (uint32_t)read_dr6();
}

#endif
