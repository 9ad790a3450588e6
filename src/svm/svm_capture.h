// SPDX-License-Identifier: MIT
/* What a record takes of the VMCB, inlined: svm_capture() and the usual exception (exit/usual.h) use it. */
#ifndef TRAPLINE_SVM_CAPTURE_H
#define TRAPLINE_SVM_CAPTURE_H

#include "exit/record.h"
#include "svm/svm.h"

#define EFER_VISIBLE(v) ((v) & ~EFER_SVME)

/* The members that do not depend on the mode, except rip and cr2. */
__attribute__((always_inline)) static inline void svm_capture_registers(
	struct trap_record *r, const struct cpu *cpu, const struct vmcb_save *s)
{
	record_gprs(r, cpu);
	r->gpr[TRAP_RSP] = s->rsp;
	r->cr3 = s->cr3;
	r->fs_base = s->fs.base;
	r->gs_base = s->gs.base;
	r->cr0 = (uint32_t)s->cr0;
	r->cr4 = (uint32_t)s->cr4;
	r->efer = (uint32_t)EFER_VISIBLE(s->efer);
	r->rflags = (uint32_t)s->rflags;
	r->dr6 = (uint32_t)s->dr6;
	r->cs = s->cs.selector;
}

#endif
