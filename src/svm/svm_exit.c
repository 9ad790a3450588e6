/* #VMEXIT: from the VMCB's words to the neutral exit, and back in. */
#include "svm/svm.h"
#include "cpu/asm.h"
#include "exit/dispatch.h"

#define X(code, name, kind) [code] = kind,
static const uint8_t kind_of[0x90] = {SVM_EXITS(X)};
#undef X

/* APM vol. 2 15.10.2: EXITINFO1 of an IOIO exit. */
static void decode_io(struct exit_io *io, uint64_t info)
{
	*io = (struct exit_io){
		.port = (uint16_t)(info >> 16),
		.size = info >> 4 & 7,
		.in = info & 1,
		.string = info & 4,
		.rep = info & 8,
	};
}

/* APM vol. 2 15.25.6: EXITINFO1 of a nested page fault. */
static void decode_npf(struct exit *x, const struct vmcb_control *c)
{
	uint64_t e = c->exitinfo1;

	x->address = c->exitinfo2;
	x->qualifier = (e & 0x02 ? STAGE2_WRITE : e & 0x10 ? STAGE2_FETCH : STAGE2_READ) |
		       (e & 0x01 ? STAGE2_PRESENT : 0) | (e & 0x08 ? STAGE2_RESERVED : 0) |
		       (e & 1ull << 33 ? STAGE2_WALK : 0);
}

static void decode(struct cpu *cpu, struct vmcb *v)
{
	struct exit *x = &cpu->exit;
	uint64_t code = (uint32_t)v->control.exitcode;

	x->reason = code;
	if (code - SVM_EXIT_EXCEPTION < 32) {
		x->kind = EXIT_EXCEPTION;
		svm_decode_exception(cpu, v);
		return;
	}
	x->kind = code == SVM_EXIT_NPF ? EXIT_STAGE2 : code < sizeof(kind_of) ? kind_of[code] : EXIT_UNKNOWN;
	switch (x->kind) {
	case EXIT_EXCEPTION:
		svm_decode_swint(cpu, v);
		break;
	case EXIT_RDMSR:
		x->kind = v->control.exitinfo1 ? EXIT_WRMSR : EXIT_RDMSR;
		break;
	case EXIT_IO:
		decode_io(&x->io, v->control.exitinfo1);
		break;
	case EXIT_STAGE2:
		decode_npf(x, &v->control);
		break;
	default:
		break;
	}
}

/*
 * Before the first entry CR2 is set to what the guest's is not; at the first exit, before any #PF can have been given
 * to the guest, the VMCB says which of the two the guest ran with.
 */
void svm_probe_cr2(struct cpu *cpu)
{
	write_cr2(~vmcb_of(cpu)->save.cr2);
	svm_of(cpu)->probe_cr2 = true;
}

static void conclude_cr2(struct svm_cpu *svm, struct vmcb *v)
{
	svm->probe_cr2 = false;
	if (v->save.cr2 != read_cr2())
		return;
	svm_caps.keeps_cr2 = true;
	v->save.cr2 = ~v->save.cr2;
}

void svm_exit(struct cpu *cpu)
{
	struct svm_cpu *svm = svm_of(cpu);
	struct vmcb *v = svm->vmcb;

	if (svm->probe_cr2)
		conclude_cr2(svm, v);
	cpu->gpr[TRAP_RAX] = v->save.rax;
	v->control.tlb_control = 0;
	v->control.eventinj = 0; /* QEMU and the manual clear it; an older CPU may not */
	cpu->exit.code_len = EXIT_CODE_UNREAD;
	svm_decode_during(cpu, v);
	if (svm->soft_pending)
		svm_soft_event_done(cpu);
	decode(cpu, v);
	exit_dispatch(cpu);
	v->save.rax = cpu->gpr[TRAP_RAX];
	if (svm_caps.keeps_cr2)
		write_cr2(v->save.cr2);
}
