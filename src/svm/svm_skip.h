// SPDX-License-Identifier: MIT
/*
 * Moves RIP past an instruction that was carried out in software. Inlined, because frequent exits run it.
 */
#ifndef TRAPLINE_SVM_SKIP_H
#define TRAPLINE_SVM_SKIP_H

#include "hw/asm.h"
#include "guest/insn.h"
#include "hw/x86.h"
#include "mem/layout.h"
#include "svm/svm.h"

/*
 * The usual case of a CPU without nRIP: 64-bit code without prefixes, in the page in which code was found last. Returns
 * false for all others.
 */
__attribute__((always_inline)) static inline bool svm_is_plain(
	const struct cpu *cpu, const struct vmcb_save *s, enum exit_kind kind, unsigned *length)
{
	static const struct {
		uint16_t begin; /* the first two bytes */
		uint16_t length;
	} plain[EXIT_KIND_COUNT] = {
		[EXIT_CPUID] = {BEGIN_CPUID, LENGTH_CPUID},
		[EXIT_RDMSR] = {BEGIN_RDMSR, LENGTH_RDMSR},
		[EXIT_WRMSR] = {BEGIN_WRMSR, LENGTH_WRMSR},
		[EXIT_VMCALL] = {BEGIN_VMMCALL, LENGTH_VMMCALL},
	};
	const struct code_page *page = &cpu->code_page;

	*length = plain[kind].length;
	return *length && (s->cs.attrib & ATTRIB_LONG) && (s->efer & EFER_LMA) &&
	       code_page_holds(page, s->cr3, s->cr4, s->rip) &&
	       *(const uint16_t *)code_page_byte(page, s->rip) == plain[kind].begin;
}

/*
 * The address after the instruction that exited. Only intercepted instructions set nRIP (15.7.1): for a VMCALL that came as a
 * #UD it is 0. Without nRIP the code is read, through the guest's current tables.
 */
__attribute__((always_inline)) static inline uint64_t svm_next_rip(struct cpu *cpu, const struct vmcb *v)
{
	unsigned length;

	if (svm_caps.nrips && cpu->exit.kind != EXIT_EXCEPTION)
		return v->control.nrip;
	return svm_is_plain(cpu, &v->save, cpu->exit.kind, &length) ? v->save.rip + length
								    : svm_find_next(cpu);
}

/* The same without any call, if that is possible and nothing else has to be done when RIP moves. */
__attribute__((always_inline)) static inline bool svm_knows_next(
	const struct cpu *cpu, const struct vmcb *v, enum exit_kind kind, uint64_t *next)
{
	unsigned length;

	if (v->save.rflags & (RFLAGS_TF | RFLAGS_RF))
		return false;
	if (svm_caps.nrips) {
		*next = v->control.nrip;
		return true;
	}
	if (!svm_is_plain(cpu, &v->save, kind, &length))
		return false;
	*next = v->save.rip + length;
	return true;
}

/*
 * The shadow of a STI or MOV SS and RFLAGS.RF end with the instruction, and a single step traps after it (APM
 * vol. 2 13.1.4). The CPU does not do this when software moves RIP.
 */
static inline void svm_skipped(struct cpu *cpu, struct vmcb *v)
{
	v->control.interrupt_shadow = 0;
	if (v->save.rflags & (RFLAGS_TF | RFLAGS_RF))
		svm_end_instruction(cpu);
}

/* Prefixes are part of the instruction's length. */
static inline void svm_skip(struct cpu *cpu, void *vmcb)
{
	struct vmcb *v = vmcb;

	v->save.rip = svm_next_rip(cpu, v);
	svm_skipped(cpu, v);
}

#endif
