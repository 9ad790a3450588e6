/* #VMEXIT: from the VMCB's words to the neutral exit, and back in. */
#include "hw/x86.h"
#include "svm/svm_skip.h"
#include "hw/asm.h"
#include "exit/dispatch.h"
#include "exit/mended.h"

/* The ranges first, then the list; 0 is EXIT_UNKNOWN. */
#define X(code, name, kind) [code] = kind,
static const uint8_t kind_of[0x90] = {
	[SVM_EXIT_EXCEPTION... SVM_EXIT_EXCEPTION + 31] = EXIT_EXCEPTION, SVM_EXITS(X)};
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
	x->qualifier = (e & 0x02          ? STAGE2_WRITE
			       : e & 0x10 ? STAGE2_FETCH
					  : STAGE2_READ) |
		       (e & 0x01 ? STAGE2_PRESENT : 0) | (e & 0x08 ? STAGE2_RESERVED : 0) |
		       (e & 1ull << 33 ? STAGE2_WALK : 0);
}

/* The kinds whose exit says more than its code. */
#define MORE_TO_DECODE (1u << EXIT_EXCEPTION | 1u << EXIT_RDMSR | 1u << EXIT_IO | 1u << EXIT_STAGE2)

__attribute__((noinline)) static void decode_more(struct cpu *cpu, struct vmcb *v)
{
	struct exit *x = &cpu->exit;

	if (x->reason - SVM_EXIT_EXCEPTION < 32) {
		svm_decode_exception(cpu, v);
		return;
	}
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
	default:
		decode_npf(x, &v->control);
		break;
	}
}

/* A code that is neither in the list nor NPF. */
SLOW_PATH static enum exit_kind decode_rare(struct cpu *cpu)
{
	return cpu->exit.reason == SVM_EXIT_INVALID ? svm_refused(cpu) : EXIT_UNKNOWN;
}

static void decode(struct cpu *cpu, struct vmcb *v)
{
	struct exit *x = &cpu->exit;
	uint64_t code = (uint32_t)v->control.exitcode;
	enum exit_kind kind;

	x->reason = code;
	kind = code < sizeof(kind_of) ? kind_of[code] : code == SVM_EXIT_NPF ? EXIT_STAGE2 : decode_rare(cpu);
	v->control.eventinj = 0; /* the manual has the CPU clear it; an event must not go in twice */
	x->kind = kind;
	if (1u << kind & MORE_TO_DECODE)
		decode_more(cpu, v);
}

/*
 * Before the first entry CR2 is set to what the guest's is not; at the first exit, before any #PF can have
 * been given to the guest, the VMCB says which of the two the guest ran with.
 */
void svm_probe_cr2(struct cpu *cpu)
{
	svm_of(cpu)->first_cr2 = vmcb_of(cpu)->save.cr2;
	write_cr2(~svm_of(cpu)->first_cr2);
	svm_set_pending(cpu, SVM_PROBE_CR2);
}

static void conclude_cr2(struct cpu *cpu, struct vmcb *v)
{
	struct svm_cpu *svm = svm_of(cpu);

	svm->pending &= ~SVM_PROBE_CR2;
	if (v->save.cr2 == svm->first_cr2)
		return;
	svm->pending |= SVM_KEEPS_CR2;
	v->save.cr2 = svm->first_cr2;
	svm_caps.strict_cr = false; /* beneath a guest it is not: Bochs 2.7 takes PG without PE there */
	svm_watch_cr(cpu);
}

/* What most exits do not need: before the handler, and before the entry. */
SLOW_PATH static void pending_exit(struct cpu *cpu)
{
	struct svm_cpu *svm = svm_of(cpu);
	struct vmcb *v = vmcb_of(cpu);

	v->control.tlb_control = 0;
	svm->pending &= ~SVM_TLB_REQUEST;
	if (svm->pending & SVM_PROBE_CR2)
		conclude_cr2(cpu, v);
	if (svm->pending & SVM_SOFT_PENDING)
		svm_soft_event_done(cpu);
	if (svm->pending & SVM_STEP_IRET)
		svm_end_step(cpu);
	if (svm->pending & (SVM_HALTS | SVM_DELAYS))
		svm_end_halt(cpu);
	if (svm->pending & (SVM_POLLS_HALT | SVM_POLLED))
		svm_end_poll(cpu);
	if (svm->pending & SVM_PASSES_INT)
		svm_end_pass(cpu);
	if (svm->pending & SVM_CR_OPEN)
		svm_close_cr(cpu);
	if (!svm->pending)
		cpu_end_work(cpu, CPU_WORK_VENDOR);
}

SLOW_PATH static void pending_entry(struct cpu *cpu)
{
	struct svm_cpu *svm = svm_of(cpu);

	if (svm->pending & SVM_KEEPS_CR2)
		write_cr2(vmcb_of(cpu)->save.cr2);
	if (!(cpu->work & CPU_WORK_RELOAD))
		return;
	cpu_end_work(cpu, CPU_WORK_RELOAD);
	vmcb_of(cpu)->save.rax = cpu->gpr[TRAP_RAX];
	svm_run_on(cpu);
}

/*
 * D is reserved where L is set (APM vol. 2 4.8.1), and no CPU loads such a segment: QEMU 7.2 does, by SYSENTER from
 * compatibility mode, which raises #UD on a CPU, and by far transfers. It goes on in 64-bit mode, as if D were clear. VMRUN
 * refuses both (15.5.1), and QEMU's has lost RIP by then: so this is looked at behind each exit. 64-bit code has D clear.
 */
SLOW_PATH static void mend_code_segment(struct cpu *cpu, struct vmcb_save *s)
{
	if (!(s->cs.attrib & ATTRIB_LONG) || !(s->efer & EFER_LMA))
		return;
	mended_note(cpu, "cs.attrib", s->cs.attrib, "has both L and D");
	s->cs.attrib &= (uint16_t)~ATTRIB_BIG;
}

void svm_exit(struct cpu *cpu)
{
	struct vmcb *v = vmcb_of(cpu);

	cpu->gpr[TRAP_RAX] = v->save.rax;
	exit_begin(&cpu->exit);
	if (__builtin_expect(v->save.cs.attrib & ATTRIB_BIG, 0))
		mend_code_segment(cpu, &v->save);
	if (v->control.exitintinfo & SVM_EVENT_V)
		svm_decode_during(cpu, v);
	if (cpu->work & CPU_WORK_VENDOR)
		pending_exit(cpu);
	history_note(&cpu->history, v->save.rip, (uint32_t)v->control.exitcode, v->control.exitinfo1);
	decode(cpu, v);
	exit_dispatch(cpu, svm_skip, pending_entry);
	v->save.rax = cpu->gpr[TRAP_RAX];
}
