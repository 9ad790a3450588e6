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

static inline void inject(struct vmcb *v, unsigned vector)
{
	if (svm_caps.pushes_rf >> vector & 1)
		v->save.rflags |= RFLAGS_RF;
	__builtin_memcpy(&v->control.eventinj, &usual_event[vector], 4);
}

/* The upper half of EVENTINJ; without SVM_EVENT_EV it is not pushed (15.20). */
static inline void inject_error(struct vmcb *v, uint32_t error)
{
	__builtin_memcpy((char *)&v->control.eventinj + 4, &error, 4);
}

/* The other vendor's VMCALL. */
static void usual_call(struct cpu *cpu, struct vmcb *v)
{
	v->control.eventinj = 0;
	usual_vmcall(cpu);
	if (cpu->exit.skip) {
		v->save.rip += LENGTH_VMCALL;
		svm_skipped(cpu, v);
	}
	svm_end_exit(cpu);
}

/* The exception has its code: it is a usual one. */
__attribute__((always_inline)) static inline void take(
	struct cpu *cpu, struct vmcb *v, uint64_t code, uint64_t tsc)
{
	struct vmcb_save *s = &v->save;
	unsigned vector = (unsigned)code - SVM_EXIT_EXCEPTION;
	struct record_note n = {.rip = s->rip, .tsc = tsc, .vector = vector, .cpl = s->cpl & 3};
	const uint8_t *bytes = code_page_byte(&cpu->code_page, n.rip);
	struct usual u;

	cpu->exit.reason = code;
	if (usual_is_vmcall(vector, bytes)) {
		usual_call(cpu, v);
		return;
	}
	usual_begin(cpu, &u, bytes);
	usual_privilege(&u, n.cpl);
	n.error = (uint32_t)v->control.exitinfo1;
	inject_error(v, n.error);
	svm_capture_registers(u.record, cpu, s);
	n.cr2 = s->cr2;
	if (vector == VEC_PF)
		s->cr2 = n.cr2 = v->control.exitinfo2;
	inject(v, n.vector);
	usual_commit(cpu, &u, &n);
	usual_count(cpu, &u, &n, svm_end_exit);
}

/* Not inlined, and it has the rest for itself, so that the usual case saves no registers for a call. */
__attribute__((noinline)) static void find_and_take(
	struct cpu *cpu, struct vmcb *v, uint64_t code, uint64_t tsc)
{
	if (code_page_find(&cpu->code_page, v->save.cr3, v->save.cr4, v->save.rip))
		take(cpu, v, code, tsc);
	else
		svm_long_exit(cpu, v, code, tsc);
}

void svm_usual_exception(struct cpu *cpu, struct vmcb *v, uint64_t code, uint64_t tsc)
{
	const struct vmcb_save *s = &v->save;

	if (!is_64_bit_code(s) || !usual_is_possible(cpu))
		svm_long_exit(cpu, v, code, tsc);
	else if (__builtin_expect(code_page_holds(&cpu->code_page, s->cr3, s->cr4, s->rip), 1))
		take(cpu, v, code, tsc);
	else
		find_and_take(cpu, v, code, tsc);
}
