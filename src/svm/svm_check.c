// SPDX-License-Identifier: MIT
#include "svm/svm_check.h"
#include <stdbool.h>
#include <trapline/record.h>
#include "hw/x86.h"
#include "mem/memory_type.h"

#define CR4_RESERVED  0xffffffffff08e000ull /* 3.1.3: bits that no CPU defines */
#define EFER_RESERVED 0xffffffffffc902feull /* 3.1.7: bits that no CPU defines */
#define MSRPM_SIZE    0x2000
#define IOPM_SIZE     0x3000
#define VECTOR_NMI    2
#define VECTORS       32

static bool fits(const struct svm_check *c, uint64_t base, uint64_t size)
{
	uint64_t limit = 1ull << c->physical_bits;

	return base < limit && size <= limit - base;
}

static bool is_long(const struct vmcb_save *s)
{
	return (s->efer & EFER_LME) && (s->cr0 & CR0_PG);
}

static bool has_both(const struct vmcb_save *s)
{
	return (s->cs.attrib & ATTRIB_LONG) && (s->cs.attrib & ATTRIB_BIG);
}

/* 15.20 */
static bool event_is_valid(uint64_t event)
{
	unsigned vector = SVM_EVENT_VECTOR(event);

	if (!(event & SVM_EVENT_V))
		return true;
	switch (SVM_EVENT_TYPE(event)) {
	case TRAP_TYPE_EXTINT:
	case TRAP_TYPE_NMI:
	case TRAP_TYPE_SOFTINT:
		return true;
	case TRAP_TYPE_EXCEPTION:
		return vector != VECTOR_NMI && vector < VECTORS;
	default:
		return false;
	}
}

/* Texts that several rows share. */
#define BY_WRMSR   "Its writes of EFER exit, and what is not legal raises #GP: `svm_msr.c`"
#define BY_MOV_CR0 "MOV to CR0 raises #GP. QEMU's does not: `svm_cr.c`"
#define BY_MOV_DR  "MOV to a debug register raises #GP"
#define OWN        "Trapline's own"

/* A row: the field, its value, the condition that it has to meet, the message otherwise, and why the guest cannot cause it. */
#define SVM_CHECKS(X)                                                                                        \
	X("efer", s->efer, (s->efer & EFER_SVME) != 0, "has SVME clear", BY_WRMSR)                           \
	X("efer", s->efer, !(s->efer & EFER_RESERVED), "has reserved bits", BY_WRMSR)                        \
	X("cr0", s->cr0, (s->cr0 & CR0_CD) || !(s->cr0 & CR0_NW), "has NW without CD", BY_MOV_CR0)           \
	X("cr0", s->cr0, !(s->cr0 >> 32), "has a high half", BY_MOV_CR0)                                     \
	X("cr3", s->cr3, !(s->cr3 >> c->physical_bits), "is beyond the physical addresses",                  \
		"MOV to CR3 raises #GP. QEMU's exits as if VMRUN had failed: `svm_refused.c`")               \
	X("cr4", s->cr4, !(s->cr4 & CR4_RESERVED), "has reserved bits",                                      \
		"MOV to CR4 raises #GP. QEMU's exits as if VMRUN had failed: `svm_refused.c`")               \
	X("dr6", s->dr6, !(s->dr6 >> 32), "has a high half", BY_MOV_DR)                                      \
	X("dr7", s->dr7, !(s->dr7 >> 32), "has a high half", BY_MOV_DR)                                      \
	X("cr4", s->cr4, !is_long(s) || (s->cr4 & CR4_PAE), "has no PAE, with EFER.LME and CR0.PG set",      \
		"MOV to CR4, CR0 or EFER that would raises #GP. QEMU's does not: `svm_cr.c`")                \
	X("cr0", s->cr0, !is_long(s) || (s->cr0 & CR0_PE), "has no PE, with EFER.LME and CR0.PG set",        \
		BY_MOV_CR0)                                                                                  \
	X("cs.attrib", s->cs.attrib, !is_long(s) || !has_both(s), "has both L and D",                        \
		"A far transfer to such a segment raises #GP. QEMU carries it out, and so SYSENTER from "    \
		"compatibility mode: D is cleared behind the exit, in `svm_exit.c`")                         \
	X("intercept2", v->intercept2, vmcb_has_intercept(v, SVM_EXIT_VMRUN), "does not intercept VMRUN",    \
		OWN)                                                                                         \
	X("asid", v->asid, v->asid != 0, "is 0", OWN)                                                        \
	X("msrpm", v->msrpm_base, fits(c, v->msrpm_base, MSRPM_SIZE), "is beyond the physical addresses",    \
		OWN)                                                                                         \
	X("iopm", v->iopm_base, fits(c, v->iopm_base, IOPM_SIZE), "is beyond the physical addresses", OWN)   \
	X("ncr3", v->n_cr3, fits(c, v->n_cr3, 1), "is beyond the physical addresses", OWN)                   \
	X("g_pat", s->g_pat, !v->np_enable || pat_is_valid(s->g_pat), "has a reserved memory type",          \
		"WRMSR raises #GP. QEMU's does not, and neither writes nor looks at the VMCB's")             \
	X("eventinj", v->eventinj, event_is_valid(v->eventinj), "is no event that can be injected",          \
		OWN ": what comes back is put right first, in `svm_event.c`, `event_of()`")

#define X(name, value, sound, text, answer) {name, text, answer},
const struct svm_check_row svm_check_rows[] = {SVM_CHECKS(X){0}};
#undef X

unsigned svm_check_vmcb(const struct svm_check *c)
{
	const struct vmcb_save *s = &c->vmcb->save;
	const struct vmcb_control *v = &c->vmcb->control;
	const struct svm_check_row *row = svm_check_rows;
	unsigned failed = 0;

#define X(name, value, sound, text, answer)                                                                  \
	if (!(sound)) {                                                                                      \
		c->fail(row, value);                                                                         \
		failed++;                                                                                    \
	}                                                                                                    \
	row++;
	SVM_CHECKS(X)
#undef X
	return failed;
}
