// SPDX-License-Identifier: MIT
/* The usual exception (exit/usual.h): recorded from the VMCS and injected, in one function. */
#include "exit/usual.h"
#include "hw/x86.h"
#include "vmx/vmx_capture.h"
#include "vmx/vmx_skip.h"

static inline bool is_64_bit_code(const struct vmx_mode *m)
{
	return (m->cs_rights & RIGHTS_LONG) && (m->paging.efer & EFER_LMA);
}

static inline void usual_inject(struct cpu *cpu, struct vmx_cpu *vmx, const struct record_note *n)
{
	uint32_t word = usual_event[n->vector];

	if (word & USUAL_EVENT_ERROR)
		vmwrite(VMCS_ENTRY_ERROR_CODE, n->error & ERROR_CODE_BITS);
	if (!(vmx->rflags & RFLAGS_RF)) /* all of them are faults: set_rf() in vmx_event.c */
		vmx_set_rflags(cpu, vmx->rflags | RFLAGS_RF);
	cpu->vendor_asm[0] = n->cr2;
	vmwrite(VMCS_ENTRY_EVENT, word);
	vmx->event_set = true;
}

static inline void usual_read(struct cpu *cpu, struct record_note *n)
{
	n->error = usual_event[n->vector] & USUAL_EVENT_ERROR ? (uint32_t)vmread(VMCS_EXIT_ERROR_CODE) : 0;
	n->cr2 = n->vector == VEC_PF ? vmread(VMCS_EXIT_QUALIFICATION) : cpu->vendor_asm[0];
}

/* VMMCALL. */
static void usual_call(struct cpu *cpu, struct vmx_cpu *vmx)
{
	usual_vmcall(cpu);
	if (cpu->exit.skip)
		vmx_go_on_at(cpu, vmx, vmx->rip + LENGTH_VMMCALL);
}

bool vmx_usual_exception(struct cpu *cpu, struct vmx_cpu *vmx, uint32_t word)
{
	struct record_note n = {.rip = vmx->rip, .vector = EVENT_VECTOR(word) & (VECTOR_COUNT - 1)};
	struct vmx_mode m;
	struct usual u;

	vmx_read_mode(&m);
	if (!is_64_bit_code(&m) || vmread(VMCS_VECTORING_EVENT) & EVENT_VALID)
		return false;
	u.code = usual_code(cpu, m.paging.cr3, m.paging.cr4, n.rip);
	if (!u.code)
		return false;
	n.tsc = history_note(&cpu->history, n.rip, VMX_EXIT_EXCEPTION_OR_NMI, word);
	cpu->exit.reason = VMX_EXIT_EXCEPTION_OR_NMI;
	if (usual_is_vmcall(n.vector, u.code)) {
		usual_call(cpu, vmx);
		return true;
	}
	usual_begin(cpu, &u);
	usual_read(cpu, &n);
	vmx_capture_registers(u.record, cpu, vmx, &m.paging);
	u.record->cs = (uint16_t)vmread(VMCS_GUEST_CS_SELECTOR);
	n.cpl = u.record->cs & SELECTOR_RPL;
	usual_inject(cpu, vmx, &n);
	usual_end(cpu, &u, &n);
	return true;
}
