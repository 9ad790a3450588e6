#include "svm/svm_skip.h"
#include "mem/guest_ram.h"

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

void svm_skip_to(struct cpu *cpu, uint64_t rip)
{
	struct vmcb *v = vmcb_of(cpu);

	v->save.rip = rip;
	svm_skipped(cpu, v);
}
