// SPDX-License-Identifier: MIT
/* #VMEXIT: converts the VMCB's fields to the neutral exit. */
#include "hw/x86.h"
#include "svm/svm_skip.h"
#include "hw/asm.h"
#include "hw/msr.h"
#include "lib/array.h"
#include "exit/dispatch.h"
#include "exit/mended.h"
#include "exit/quick.h"
#include "trace/vector.h"

/* APM vol. 2 15.10.2: EXITINFO1 of an IOIO exit. */
static void decode_io(struct cpu *cpu, struct vmcb *v)
{
	uint64_t info = v->control.exitinfo1;

	cpu->exit.io = (struct exit_io){
		.port = (uint16_t)(info >> 16),
		.size = info >> 4 & 7,
		.in = info & 1,
		.string = info & 4,
		.rep = info & 8,
	};
}

/*
 * 15.8.4: with decode assists the bytes that the CPU has fetched come with the exit. They are fewer near the end of a page, and none
 * for a fetch; then the code is read when it is needed, as on other CPUs. Neither emulator has them.
 */
static inline void take_code(struct exit *x, const struct vmcb_control *c)
{
	if ((c->fetched & FETCHED_COUNT) != sizeof(c->code))
		return;
	__builtin_memcpy(x->code, c->code, sizeof(c->code));
	x->code[sizeof(c->code)] = 0;
	x->code_len = sizeof(c->code);
}

/* APM vol. 2 15.25.6: EXITINFO1 of a nested page fault. Each store to the APIC is one, so its low bits are an index. */
#define NPF_PRESENT   0x01
#define NPF_WRITE     0x02
#define NPF_RESERVED  0x08
#define NPF_FETCH     0x10
#define NPF_LOW       0x1f
#define NPF_WALK      (1ull << 33)
#define NPF_ACCESS(e) ((e)&NPF_WRITE ? STAGE2_WRITE : (e)&NPF_FETCH ? STAGE2_FETCH : STAGE2_READ)
#define NPF(e)                                                                                               \
	(NPF_ACCESS(e) | ((e)&NPF_PRESENT ? STAGE2_PRESENT : 0) | ((e)&NPF_RESERVED ? STAGE2_RESERVED : 0))
#define NPF_4(e)  NPF(e), NPF((e) + 1), NPF((e) + 2), NPF((e) + 3)
#define NPF_16(e) NPF_4(e), NPF_4((e) + 4), NPF_4((e) + 8), NPF_4((e) + 12)
static const uint8_t npf_qualifiers[NPF_LOW + 1] = {NPF_16(0), NPF_16(16)};

static void decode_npf(struct cpu *cpu, struct vmcb *v)
{
	struct exit *x = &cpu->exit;
	uint64_t e = v->control.exitinfo1;

	x->kind = EXIT_STAGE2;
	x->address = v->control.exitinfo2;
	x->qualifier = npf_qualifiers[e & NPF_LOW] | (e & NPF_WALK ? STAGE2_WALK : 0);
	if (svm_caps.assists)
		take_code(x, &v->control);
}

/* An exit code outside the list: a nested page fault, a refused VMRUN, or an unknown code. */
static void decode_other(struct cpu *cpu, struct vmcb *v)
{
	cpu->exit.kind = EXIT_UNKNOWN;
	if (cpu->exit.reason == SVM_EXIT_STEPPED)
		cpu->exit.kind = EXIT_STEP;
	else if (cpu->exit.reason == SVM_EXIT_INVALID)
		cpu->exit.kind = svm_refused(cpu);
}

/*
 * The exits except exceptions and nested page faults, with their neutral kinds.
 * X(name, when, kind, decoder, opcode)
 *   name     one of SVM_EXITS
 *   when     ALWAYS; SOMETIMES: the file of its mechanism switches it; NEVER: Trapline does not request it, but would decode it
 *   kind     a decoder may change it; that of MSR is decided in msr_exit()
 *   decoder  NULL: the exit code says everything
 *   opcode   one of OPCODES: the instruction that is skipped afterwards. NONE: no instruction is, or EXITINFO2 has its end
 */
#define EXITS(X)                                                                                             \
	X(CR0_WRITE, SOMETIMES, EXIT_CONTROL_REGISTER, NULL, NONE)                                           \
	X(CR3_WRITE, SOMETIMES, EXIT_CONTROL_REGISTER, NULL, NONE)                                           \
	X(CR4_WRITE, SOMETIMES, EXIT_CONTROL_REGISTER, NULL, NONE)                                           \
	X(DR5_WRITE, SOMETIMES, EXIT_DEBUG_REGISTER, NULL, NONE)                                             \
	X(DR7_WRITE, SOMETIMES, EXIT_DEBUG_REGISTER, NULL, NONE)                                             \
	X(IDTR_READ, SOMETIMES, EXIT_TABLE_REGISTER, NULL, NONE)                                             \
	X(GDTR_READ, SOMETIMES, EXIT_TABLE_REGISTER, NULL, NONE)                                             \
	X(LDTR_READ, SOMETIMES, EXIT_TABLE_REGISTER, NULL, NONE)                                             \
	X(TR_READ, SOMETIMES, EXIT_TABLE_REGISTER, NULL, NONE)                                               \
	X(IDTR_WRITE, SOMETIMES, EXIT_TABLE_REGISTER, NULL, NONE)                                            \
	X(GDTR_WRITE, SOMETIMES, EXIT_TABLE_REGISTER, NULL, NONE)                                            \
	X(LDTR_WRITE, SOMETIMES, EXIT_TABLE_REGISTER, NULL, NONE)                                            \
	X(TR_WRITE, SOMETIMES, EXIT_TABLE_REGISTER, NULL, NONE)                                              \
	X(INTR, SOMETIMES, EXIT_INTERRUPT, NULL, NONE)                                                       \
	X(NMI, ALWAYS, EXIT_NMI, NULL, NONE)                                                                 \
	X(SMI, SOMETIMES, EXIT_SMI, NULL, NONE)                                                              \
	X(INIT, SOMETIMES, EXIT_INIT, NULL, NONE)                                                            \
	X(VINTR, NEVER, EXIT_INTERRUPT_WINDOW, NULL, NONE)                                                   \
	X(CR0_SEL_WRITE, SOMETIMES, EXIT_CONTROL_REGISTER, NULL, NONE)                                       \
	X(CPUID, ALWAYS, EXIT_CPUID, NULL, CPUID)                                                            \
	X(IRET, SOMETIMES, EXIT_IRET, NULL, NONE)                                                            \
	X(SWINT, SOMETIMES, EXIT_EXCEPTION, svm_decode_swint, NONE)                                          \
	X(INVD, ALWAYS, EXIT_INVD, NULL, INVD)                                                               \
	X(PAUSE, SOMETIMES, EXIT_TIMER, NULL, NONE)                                                          \
	X(HLT, SOMETIMES, EXIT_HLT, NULL, HLT)                                                               \
	X(INVLPGA, ALWAYS, EXIT_VIRTUALIZATION, NULL, NONE)                                                  \
	X(IOIO, ALWAYS, EXIT_IO, decode_io, NONE)                                                            \
	X(MSR, ALWAYS, EXIT_RDMSR, NULL, RDMSR)                                                              \
	X(SHUTDOWN, ALWAYS, EXIT_SHUTDOWN, NULL, NONE)                                                       \
	X(VMRUN, ALWAYS, EXIT_VIRTUALIZATION, NULL, NONE)                                                    \
	X(VMMCALL, ALWAYS, EXIT_VMCALL, NULL, VMMCALL)                                                       \
	X(VMLOAD, ALWAYS, EXIT_VIRTUALIZATION, NULL, NONE)                                                   \
	X(VMSAVE, ALWAYS, EXIT_VIRTUALIZATION, NULL, NONE)                                                   \
	X(STGI, ALWAYS, EXIT_VIRTUALIZATION, NULL, NONE)                                                     \
	X(CLGI, ALWAYS, EXIT_VIRTUALIZATION, NULL, NONE)                                                     \
	X(SKINIT, ALWAYS, EXIT_VIRTUALIZATION, NULL, NONE)                                                   \
	X(ICEBP, SOMETIMES, EXIT_EXCEPTION, svm_decode_swint, NONE)                                          \
	X(WBINVD, NEVER, EXIT_INVD, NULL, WBINVD)                                                            \
	X(MWAIT, SOMETIMES, EXIT_HLT, NULL, MWAIT)                                                           \
	X(XSETBV, SOMETIMES, EXIT_XSETBV, NULL, XSETBV)
/* The kinds that the AMD-V code handles. X(kind, handler) */
#define OWN(X)                                                                                               \
	X(EXIT_NMI, svm_take_nmi)                                                                            \
	X(EXIT_IRET, svm_nmi_unblocked)                                                                      \
	X(EXIT_INIT, svm_take_init)                                                                          \
	X(EXIT_SMI, svm_take_smi)                                                                            \
	X(EXIT_CONTROL_REGISTER, svm_control_register)                                                       \
	X(EXIT_TIMER, svm_pause)                                                                             \
	X(EXIT_HLT, svm_halt)                                                                                \
	X(EXIT_UNREAD, svm_pass_int)

/* The kinds that do not exist on AMD-V. */
#define ABSENT (1 << EXIT_NMI_WINDOW | 1 << EXIT_X87 | 1 << EXIT_TASK_SWITCH | 1 << EXIT_SIPI)
/* The kinds without a row in the list, or that only a decoder sets. */
#define OTHERS                                                                                               \
	(1 << EXIT_UNKNOWN | 1 << EXIT_EXCEPTION | 1 << EXIT_STAGE2 | 1 << EXIT_WRMSR | 1 << EXIT_UNREAD |   \
		1 << EXIT_STEP)

#define X(name, when, kind, decoder, opcode) | 1 << kind
_Static_assert((OTHERS | ABSENT EXITS(X)) == EXIT_KINDS_ALL, "a kind without a row: cpu/exit_kinds.def");
_Static_assert(((OTHERS EXITS(X)) & ABSENT) == 0, "a row of a kind that AMD-V does not have");
#undef X
#define X(kind, handler) | 1 << kind
_Static_assert((0 OWN(X)) == (EXIT_KINDS_OWN & ~ABSENT), "a kind without a handler: cpu/exit_kinds.def");
#undef X

/* One list makes two tables, because this saves an instruction on the hot path. */
#define X(name, when, kind, decoder, opcode) [SVM_EXIT_##name] = kind,
static const uint8_t kinds[] = {[SVM_EXIT_EXCEPTION... SVM_EXIT_EXCEPTION + 31] = EXIT_EXCEPTION, EXITS(X)};
#undef X
#define X(name, when, kind, decoder, opcode) [SVM_EXIT_##name] = decoder,
static void (*const decoders[])(struct cpu *cpu, struct vmcb *v) = {
	[SVM_EXIT_EXCEPTION... SVM_EXIT_EXCEPTION + 31] = svm_decode_exception, EXITS(X)};
#undef X

enum opcode svm_exited_opcode(uint64_t code)
{
#define X(name, when, kind, decoder, opcode)                                                                 \
	case SVM_EXIT_##name:                                                                                \
		return OPCODE_##opcode;
	switch (code) {
		EXITS(X)
	default:
		return OPCODE_NONE;
	}
#undef X
}

void svm_ask_for_exits(struct vmcb_control *c)
{
	enum {
		NEVER,
		SOMETIMES,
		ALWAYS
	};
#define X(name, when, kind, decoder, opcode) vmcb_intercept(c, SVM_EXIT_##name, (when) == ALWAYS);
	EXITS(X)
#undef X
}

void svm_own_exit(struct cpu *cpu)
{
#define X(kind, handler) [kind] = (handler),
	static void (*const handlers[EXIT_KIND_COUNT])(struct cpu *) = {OWN(X)};
#undef X

	handlers[cpu->exit.kind](cpu);
}

/*
 * Before the first entry CR2 is set to another value than the guest's. At the first exit, before any #PF can have
 * been injected, the VMCB shows with which value the guest ran.
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
	svm_caps.strict_cr = false; /* in a guest it is not: Bochs 2.7 accepts PG without PE there */
	svm_watch_cr(cpu);
}

/* What was let through until this exit. */
#define PASSES (SVM_HALTS | SVM_DELAYS | SVM_PASSES_INT | SVM_CR_OPEN)

static void end_passes(struct cpu *cpu, struct svm_cpu *svm)
{
	if (svm->pending & (SVM_HALTS | SVM_DELAYS))
		svm_end_halt(cpu);
	if (svm->pending & SVM_PASSES_INT)
		svm_end_pass(cpu);
	if (svm->pending & SVM_CR_OPEN)
		svm_close_cr(cpu);
}

/* Rare work before the handler and before the entry. */
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
	if (svm->pending & SVM_STEP_WATCH)
		svm_end_watch_step(cpu);
	if (svm->pending & PASSES && !svm_begins_step(cpu))
		end_passes(cpu, svm);
	if (svm->pending & (SVM_POLLS_HALT | SVM_POLLED))
		svm_end_poll(cpu);
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
 * D is reserved if L is set (APM vol. 2 4.8.1), and a CPU never loads such a segment. QEMU 7.2 does, by SYSENTER from
 * compatibility mode, which raises #UD on a CPU, and by far transfers; it then runs in 64-bit mode as if D were clear. VMRUN
 * refuses the state (15.5.1), and QEMU has lost RIP by then, so it is checked after each exit. 64-bit code has D clear.
 */
SLOW_PATH static void mend_code_segment(struct cpu *cpu, struct vmcb_save *s)
{
	if (!(s->cs.attrib & ATTRIB_LONG) || !(s->efer & EFER_LMA))
		return;
	mended_note(cpu, "cs.attrib", s->cs.attrib, "has both L and D");
	s->cs.attrib &= (uint16_t)~ATTRIB_BIG;
}

/* RAX is in the VMCB (15.5.1). */
void svm_end_exit(struct cpu *cpu)
{
	exit_end(cpu, pending_entry);
	vmcb_of(cpu)->save.rax = cpu->gpr[TRAP_RAX];
}

/*
 * The exits below end by a call of another function. So each saves only the registers that it needs, and the short ones save none.
 */
static inline void end_exit(struct cpu *cpu, struct vmcb *v)
{
	if (__builtin_expect(cpu->work != 0, 0))
		svm_end_exit(cpu);
	else
		v->save.rax = cpu->gpr[TRAP_RAX];
}

__attribute__((always_inline)) static inline void dispatch(struct cpu *cpu, struct vmcb *v)
{
	v->control.eventinj = 0; /* the manual has the CPU clear it; an event must not be injected twice */
	exit_dispatch(cpu, v, svm_skip);
	end_exit(cpu, v);
}

void svm_long_exit(struct cpu *cpu, struct vmcb *v, uint64_t code, uint64_t tsc)
{
	(void)tsc;
	cpu->exit.reason = code;
	cpu->exit.kind = kinds[code];
	if (decoders[code])
		decoders[code](cpu, v);
	dispatch(cpu, v);
}

/* A nested page fault: each store to the APIC is one. No handler of these asks for exit.skip. */
__attribute__((noinline)) static void stage2_exit(struct cpu *cpu, struct vmcb *v)
{
	cpu->exit.reason = SVM_EXIT_NPF;
	decode_npf(cpu, v);
	v->control.eventinj = 0;
	cpu->stats.exits[EXIT_STAGE2]++;
	exit_handlers[EXIT_STAGE2](cpu);
	end_exit(cpu, v);
}

/* Another exit code outside the list. */
__attribute__((noinline)) static void other_exit(struct cpu *cpu, struct vmcb *v, uint64_t code)
{
	cpu->exit.reason = code;
	decode_other(cpu, v);
	dispatch(cpu, v);
}

/* An exit whose kind is known. */
__attribute__((noinline)) static void known_exit(
	struct cpu *cpu, struct vmcb *v, uint64_t code, enum exit_kind kind)
{
	cpu->exit.reason = code;
	cpu->exit.kind = kind;
	dispatch(cpu, v);
}

__attribute__((noinline, cold)) static void skip_and_end(struct cpu *cpu, struct vmcb *v)
{
	svm_skip(cpu, v);
	end_exit(cpu, v);
}

/* The end of exit/quick.h: the instruction is skipped. */
__attribute__((always_inline)) static inline void end_quickly(
	struct cpu *cpu, struct vmcb *v, uint64_t code, enum exit_kind kind)
{
	uint64_t next;

	cpu->exit.reason = code;
	v->control.eventinj = 0;
	if (__builtin_expect(!svm_knows_next(cpu, v, kind, &next), 0)) {
		skip_and_end(cpu, v);
		return;
	}
	v->save.rip = next;
	v->control.interrupt_shadow = 0;
	end_exit(cpu, v);
}

static void cpuid_exit(struct cpu *cpu, struct vmcb *v, uint64_t code, uint64_t tsc)
{
	(void)tsc;
	if (exit_quickly(cpu, EXIT_CPUID))
		end_quickly(cpu, v, SVM_EXIT_CPUID, EXIT_CPUID);
	else
		known_exit(cpu, v, code, EXIT_CPUID);
}

static void vmcall_exit(struct cpu *cpu, struct vmcb *v, uint64_t code, uint64_t tsc)
{
	(void)tsc;
	if (exit_quickly(cpu, EXIT_VMCALL))
		end_quickly(cpu, v, SVM_EXIT_VMMCALL, EXIT_VMCALL);
	else
		known_exit(cpu, v, code, EXIT_VMCALL);
}

/* 15.11: EXITINFO1 of an MSR exit says whether it is a WRMSR. EFER is what guests read. */
static void msr_exit(struct cpu *cpu, struct vmcb *v, uint64_t code, uint64_t tsc)
{
	_Static_assert(EXIT_WRMSR == EXIT_RDMSR + 1, "EXITINFO1 is added");
	(void)tsc;
	if (!v->control.exitinfo1 && exit_may_read_msr(cpu, MSR_EFER)) {
		exit_read_msr(cpu, v->save.efer & ~EFER_SVME);
		end_quickly(cpu, v, SVM_EXIT_MSR, EXIT_RDMSR);
	} else {
		known_exit(cpu, v, code, EXIT_RDMSR + (v->control.exitinfo1 & 1));
	}
}

/* A #GP outside of CPL 0 may have to become a #UD: hide_svme() in svm_event.c. */
static void protection_exit(struct cpu *cpu, struct vmcb *v, uint64_t code, uint64_t tsc)
{
	if (v->save.cpl)
		svm_long_exit(cpu, v, code, tsc);
	else
		svm_usual_exception(cpu, v, code, tsc);
}

/* How the exits are handled that are not decoded by the two tables above. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init" /* the range first, then the list */
#define USUAL(vector) [SVM_EXIT_EXCEPTION + (vector)] = svm_usual_exception
static void (*const ways[ARRAY_SIZE(kinds)])(struct cpu *cpu, struct vmcb *v, uint64_t code, uint64_t tsc) = {
	[0 ... ARRAY_SIZE(kinds) - 1] = svm_long_exit,
	USUAL(VEC_DE),
	USUAL(VEC_BR),
	USUAL(VEC_UD),
	USUAL(VEC_NM),
	USUAL(VEC_TS),
	USUAL(VEC_NP),
	USUAL(VEC_SS),
	USUAL(VEC_PF),
	USUAL(VEC_MF),
	USUAL(VEC_AC),
	USUAL(VEC_XM),
	[SVM_EXIT_EXCEPTION + VEC_GP] = protection_exit,
	[SVM_EXIT_CPUID] = cpuid_exit,
	[SVM_EXIT_VMMCALL] = vmcall_exit,
	[SVM_EXIT_MSR] = msr_exit,
};
#undef USUAL
#pragma GCC diagnostic pop

__attribute__((always_inline)) static inline void exit_by_code(struct cpu *cpu, struct vmcb *v)
{
	uint64_t code = (uint32_t)v->control.exitcode;
	uint64_t tsc = history_note(&cpu->history, v->save.rip, (uint32_t)code, v->control.exitinfo1);

	if (code < ARRAY_SIZE(ways))
		ways[code](cpu, v, code, tsc);
	else if (code == SVM_EXIT_NPF)
		stage2_exit(cpu, v);
	else
		other_exit(cpu, v, code);
}

/* What must be done before the exit is decoded, if there is anything. */
static inline bool has_to_begin(const struct cpu *cpu, const struct vmcb *v)
{
	return (v->save.cs.attrib & ATTRIB_BIG) || (v->control.exitintinfo & SVM_EVENT_V) ||
	       (cpu->work & CPU_WORK_VENDOR);
}

__attribute__((noinline)) static void begin_exit(struct cpu *cpu, struct vmcb *v)
{
	if (v->save.cs.attrib & ATTRIB_BIG)
		mend_code_segment(cpu, &v->save);
	if (v->control.exitintinfo & SVM_EVENT_V)
		svm_decode_during(cpu, v);
	if (cpu->work & CPU_WORK_VENDOR)
		pending_exit(cpu);
	exit_by_code(cpu, v);
}

void svm_exit(struct cpu *cpu)
{
	struct vmcb *v = vmcb_of(cpu);

	cpu->gpr[TRAP_RAX] = v->save.rax;
	exit_begin(&cpu->exit);
	if (__builtin_expect(has_to_begin(cpu, v), 0))
		begin_exit(cpu, v);
	else
		exit_by_code(cpu, v);
}
