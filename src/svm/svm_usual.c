// SPDX-License-Identifier: MIT
/* The usual exception (exit/usual.h): recorded from the VMCB and injected, in one function. */
#include "exit/usual.h"
#include "hw/x86.h"
#include "svm/svm_capture.h"
#include "svm/svm_skip.h"

static inline bool is_64_bit_code(const struct vmcb_save *s)
{
	return (s->cs.attrib & ATTRIB_LONG) && (s->efer & EFER_LMA);
}

static inline void usual_inject(struct vmcb *v, const struct record_note *n)
{
	if (svm_caps.pushes_rf >> n->vector & 1)
		v->save.rflags |= RFLAGS_RF;
	/* Without SVM_EVENT_EV the error code is not pushed (15.20). */
	v->control.eventinj = usual_event[n->vector] | (uint64_t)n->error << 32;
}

/* Another vendor's VMCALL. */
static void usual_call(struct cpu *cpu, struct vmcb *v)
{
	v->control.eventinj = 0;
	usual_vmcall(cpu);
	if (!cpu->exit.skip)
		return;
	v->save.rip += LENGTH_VMCALL;
	svm_skipped(cpu, v);
}

bool svm_usual_exception(struct cpu *cpu, struct vmcb *v, uint32_t vector, uint64_t tsc)
{
	struct vmcb_save *s = &v->save;
	struct record_note n = {.rip = s->rip, .tsc = tsc, .vector = (uint8_t)vector, .cpl = s->cpl & 3};
	uint64_t cr3 = s->cr3, cr4 = s->cr4;
	struct usual u;

	if (!is_64_bit_code(s))
		return false;
	u.code = usual_code(cpu, cr3, cr4, n.rip);
	if (!u.code)
		return false;
	cpu->exit.reason = SVM_EXIT_EXCEPTION + vector;
	if (usual_is_vmcall(vector, u.code)) {
		usual_call(cpu, v);
		return true;
	}
	usual_begin(cpu, &u);
	n.error = (uint32_t)v->control.exitinfo1;
	n.cr2 = s->cr2;
	if (vector == VEC_PF)
		s->cr2 = n.cr2 = v->control.exitinfo2;
	u.record->cr3 = cr3;
	u.record->cr4 = (uint32_t)cr4;
	svm_capture_registers(u.record, cpu, s);
	usual_inject(v, &n);
	usual_end(cpu, &u, &n);
	return true;
}
