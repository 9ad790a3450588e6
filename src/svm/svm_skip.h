/*
 * Past an instruction that was carried out in software: inlined into the one place that calls it, it is on
 * the way of every CPUID.
 */
#ifndef TRAPLINE_SVM_SKIP_H
#define TRAPLINE_SVM_SKIP_H

#include "cpu/asm.h"
#include "exit/insn.h"
#include "svm/svm.h"

#define SKIP_RFLAGS_TF (1ull << 8)
#define SKIP_RFLAGS_RF (1ull << 16)

/*
 * The address behind the instruction on a CPU without nRIP. CPUID, RDMSR and WRMSR have two bytes when they
 * have no prefix, VMMCALL three; whether they have is looked up in the page that code was found in last,
 * which spares CPUID a walk of the guest's tables. The guest may have changed them since, and then the bytes
 * are old: only its own RIP is at stake.
 */
static inline uint64_t svm_next_rip(struct cpu *cpu, const struct svm_cpu *svm, const struct vmcb_save *s)
{
	static const struct {
		uint16_t opcode; /* the first two bytes */
		uint16_t length;
	} known[EXIT_KIND_COUNT] = {
		[EXIT_CPUID] = {0xa20f, 2},
		[EXIT_RDMSR] = {0x320f, 2},
		[EXIT_WRMSR] = {0x300f, 2},
		[EXIT_VMCALL] = {0x010f, 3},
	};
	uint64_t linear = s->cs.base + s->rip;
	uint16_t opcode = known[cpu->exit.kind].opcode, found;

	if (opcode && svm->code.linear == linear >> 12 && svm->code.cr3 == s->cr3 &&
		load16_safe((const void *)(linear + svm->code.offset), &found) && found == opcode)
		return s->rip + known[cpu->exit.kind].length;
	return svm_look_at_code(cpu);
}

/*
 * The shadow of a STI or MOV SS and RFLAGS.RF end with the instruction; a single step traps behind it (APM
 * vol. 2 13.1.4), which the CPU leaves to the one who moved RIP.
 */
static inline void svm_skipped(struct cpu *cpu, struct vmcb *v)
{
	v->control.interrupt_shadow = 0;
	if (v->save.rflags & (SKIP_RFLAGS_TF | SKIP_RFLAGS_RF))
		svm_end_instruction(cpu);
}

/* Prefixes count: they are part of the instruction. */
static inline void svm_skip(struct cpu *cpu)
{
	struct vmcb *v = vmcb_of(cpu);

	/* nRIP is of intercepted instructions: a VMCALL that came as a #UD leaves it 0 (15.7.1). */
	if (svm_caps.nrips && cpu->exit.kind != EXIT_EXCEPTION)
		v->save.rip = v->control.nrip;
	else
		v->save.rip = svm_next_rip(cpu, svm_of(cpu), &v->save);
	svm_skipped(cpu, v);
}

#endif
