#include "svm/svm_skip.h"
#include "cpu/msr.h"
#include "exit/exception.h"
#include "mem/guest_ram.h"
#include "trace/vector.h"

#define DEBUGCTL_BTF (1ull << 1)

static void remember_code(struct svm_cpu *svm, const struct vmcb_save *s)
{
	struct guest_paging p = {.cr0 = s->cr0, .cr3 = s->cr3, .cr4 = s->cr4, .efer = s->efer};
	uint64_t linear = s->cs.base + s->rip, physical, probe;

	svm->code.linear = NO_PAGE;
	if (!guest_translate(&p, linear, &physical) || !guest_read64(physical & ~4095ull, &probe))
		return;
	svm->code.cr3 = s->cr3;
	svm->code.linear = linear >> 12;
	svm->code.offset = GUEST_RAM + physical - linear;
}

SLOW_PATH uint64_t svm_look_at_code(struct cpu *cpu)
{
	remember_code(svm_of(cpu), &vmcb_of(cpu)->save);
	return insn_next(cpu);
}

/* With BTF, TF means branches (APM vol. 2 13.1.1.7), and no instruction that is skipped is one. The register is the guest's. */
static bool is_stepped(const struct vmcb_save *s)
{
	uint64_t debugctl = 0;

	return s->rflags & SKIP_RFLAGS_TF &&
	       !(rdmsr_safe(MSR_DEBUGCTL, &debugctl) && debugctl & DEBUGCTL_BTF);
}

SLOW_PATH void svm_end_instruction(struct cpu *cpu)
{
	struct vmcb_save *s = &vmcb_of(cpu)->save;

	s->rflags &= ~SKIP_RFLAGS_RF;
	if (is_stepped(s))
		insn_single_step(cpu);
}

void svm_skip_to(struct cpu *cpu, uint64_t rip)
{
	struct vmcb *v = vmcb_of(cpu);

	v->save.rip = rip;
	svm_skipped(cpu, v);
}

/* One #DB for all: the breakpoints are named first. */
void svm_skip_met(struct cpu *cpu, uint64_t rip, uint64_t met)
{
	struct vmcb_save *s = &vmcb_of(cpu)->save;

	s->dr6 = (s->dr6 & ~0xfull) | met;
	svm_skip_to(cpu, rip);
	if (!is_stepped(s))
		exception_raise(cpu, VEC_DB, 0);
}
