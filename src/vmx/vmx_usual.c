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
	vmx_end_exit(cpu);
}

/* The exception has its code: it is a usual one. */
__attribute__((always_inline)) static inline void take(
	struct cpu *cpu, struct vmx_cpu *vmx, uint32_t word, const struct vmx_mode *m)
{
	struct record_note n = {.rip = vmx->rip, .vector = EVENT_VECTOR(word) & (VECTOR_COUNT - 1)};
	const uint8_t *code = code_page_byte(&cpu->code_page, n.rip);
	struct usual u;

	n.tsc = history_note(&cpu->history, n.rip, VMX_EXIT_EXCEPTION_OR_NMI, word);
	cpu->exit.reason = VMX_EXIT_EXCEPTION_OR_NMI;
	if (usual_is_vmcall(n.vector, code)) {
		usual_call(cpu, vmx);
		return;
	}
	usual_begin(cpu, &u, code);
	vmx_capture_registers(u.record, cpu, vmx, &m->paging);
	usual_read(cpu, &n);
	u.record->cs = (uint16_t)vmread(VMCS_GUEST_CS_SELECTOR);
	n.cpl = u.record->cs & SELECTOR_RPL;
	usual_privilege(&u, n.cpl);
	usual_inject(cpu, vmx, &n);
	usual_commit(cpu, &u, &n);
	if (!usual_count(cpu, &u, &n, vmx_end_exit))
		vmx_count_exit(cpu);
}

/* Not inlined, and it has the rest for itself, so that the usual case saves no registers for a call. */
__attribute__((noinline)) static void find_and_take(struct cpu *cpu, struct vmx_cpu *vmx, uint32_t word)
{
	const struct vmx_mode *m = vmx_mode(cpu);

	if (code_page_find(&cpu->code_page, m->paging.cr3, m->paging.cr4, vmx->rip))
		take(cpu, vmx, word, m);
	else
		vmx_long_exception(cpu, vmx);
}

/* With TF the pending debug exceptions have to be settled: vmx_end_exit(). */
static inline bool is_possible(const struct cpu *cpu, const struct vmx_cpu *vmx, const struct vmx_mode *m)
{
	return is_64_bit_code(m) && !(vmx->rflags & RFLAGS_TF) && usual_is_possible(cpu) &&
	       !(vmread(VMCS_VECTORING_EVENT) & EVENT_VALID);
}

void vmx_usual_exception(struct cpu *cpu, struct vmx_cpu *vmx, uint32_t word)
{
	struct vmx_mode m;

	vmx_read_mode(&m);
	if (!is_possible(cpu, vmx, &m))
		vmx_long_exception(cpu, vmx);
	else if (__builtin_expect(code_page_holds(&cpu->code_page, m.paging.cr3, m.paging.cr4, vmx->rip), 1))
		take(cpu, vmx, word, &m);
	else
		find_and_take(cpu, vmx, word);
}
