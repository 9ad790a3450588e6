/*
 * Events: what EXITINTINFO and the exception exits say, and what EVENTINJ is told (APM vol.
 * 2 15.7.2, 15.12, 15.20).
 *
 * Where QEMU 7.2 (TCG) differs from the manual:
 *  - INT3 and INTO exit as INT n (0x75), not as exceptions 3 and 4, and CPUs without nRIP do not say how long
 * the instruction was: the bytes are looked at.
 *  - EXITINTINFO has type 3 for external interrupts and NMIs, and 4 for INT3: put right in event_of(). No CPU raises
 * exception 31, and VMRUN refuses to inject it.
 *  - Type 3 with vector 3 or 4 does not check the gate's DPL, type 4 does.
 * Where Bochs 2.7 (ryzen) differs: neither DR6 nor DR7.GD is updated at a #DB exit; debug_reasons() works
 * them out.
 */
#include "svm/svm.h"
#include "hw/x86.h"
#include "apic/apic.h"
#include "log/log.h"
#include "cpu/host_interrupt.h"
#include "guest/insn.h"
#include "trace/vector.h"

#define DR6_REASONS (DR6_BREAKPOINTS | DR6_BD | DR6_BS | DR6_BT)

static struct event event_of(uint64_t word)
{
	struct event e = {
		.valid = word & SVM_EVENT_V,
		.has_error = word & SVM_EVENT_EV,
		.vector = SVM_EVENT_VECTOR(word),
		.type = SVM_EVENT_TYPE(word),
		.error = (uint32_t)(word >> 32),
	};
	if (e.type == TRAP_TYPE_EXCEPTION && e.vector == VEC_NMI)
		e.type = TRAP_TYPE_NMI;
	else if (e.type == TRAP_TYPE_EXCEPTION && e.vector >= VEC_31)
		e.type = TRAP_TYPE_EXTINT;
	else if (e.type == TRAP_TYPE_EXCEPTION && (e.vector == VEC_BP || e.vector == VEC_OF))
		e.type = TRAP_TYPE_SOFTEXC;
	return e;
}

/*
 * A software event whose RIP was moved by hand before it went in: when its delivery did not finish, the guest
 * must see RIP at the instruction again, as the CPU has it.
 */
void svm_soft_event_done(struct cpu *cpu)
{
	struct svm_cpu *svm = svm_of(cpu);

	svm->pending &= ~SVM_SOFT_PENDING;
	if (cpu->exit.during.valid && cpu->exit.during.type >= TRAP_TYPE_EXCEPTION &&
		cpu->exit.during.vector == svm->soft_vector)
		vmcb_of(cpu)->save.rip = svm->soft_rip;
}

/* INT3 and INTO went in as INT n (prepare_soft()): their own record tells. */
void svm_decode_during(struct cpu *cpu, const struct vmcb *v)
{
	struct event *during = &cpu->exit.during;

	*during = event_of(v->control.exitintinfo);
	if (during->type == TRAP_TYPE_SOFTINT && cpu->recorded_type == TRAP_TYPE_SOFTEXC &&
		cpu->recorded_vector == during->vector)
		during->type = TRAP_TYPE_SOFTEXC;
	cpu_add_work(cpu, CPU_WORK_EVENT);
}

/* Breakpoint n of DR7: enabled, and its R/W field (APM vol. 2 13.1.1.4); 0 is an instruction breakpoint. */
static bool breakpoint_on(uint64_t dr7, unsigned n)
{
	return dr7 >> 2 * n & 3;
}

static unsigned breakpoint_kind(uint64_t dr7, unsigned n)
{
	return dr7 >> (16 + 4 * n) & 3;
}

/* A bus lock (BusLockTrap, Zen 5) is one reason more, and the only one whose bit is clear then (APM vol. 2 13.1.1.3). */
bool svm_says_why(uint64_t dr6)
{
	return dr6 & DR6_REASONS || !(dr6 & DR6_BLD);
}

/* Which data breakpoint was hit cannot be known afterwards: all that are enabled are named. */
static uint64_t debug_reasons(const struct vmcb_save *s)
{
	uint64_t data = 0;

	if (s->dr7 & DR7_GD)
		return DR6_BD;
	if (s->rflags & RFLAGS_TF)
		return DR6_BS;
	for (unsigned n = 0; n < 4; n++) {
		if (!breakpoint_on(s->dr7, n))
			continue;
		if (breakpoint_kind(s->dr7, n))
			data |= 1ull << n;
		else if (debug_address(n) == s->cs.base + s->rip)
			return 1ull << n;
	}
	return data;
}

/*
 * The manual has DR6 and DR7 as the handler is to see them (APM vol. 2 15.12.2). Where a #DB exits with a DR6 that has no reason it
 * is the one of the entry (Bochs 2.7): from then on what the guest has left in it is taken for no reason either.
 */
static void decode_debug(struct cpu *cpu, struct vmcb *v)
{
	if (!svm_says_why(v->save.dr6))
		svm_caps.stale_dr6 = true;
	if (svm_caps.stale_dr6)
		v->save.dr6 |= debug_reasons(&v->save);
	v->save.dr7 &= ~DR7_GD;
	cpu->exit.qualifier = v->save.dr6;
}

static bool is_svm_instruction(struct cpu *cpu)
{
	struct found_opcode found;

	switch (insn_find(cpu, &found)) {
	case OPCODE_VMRUN:
	case OPCODE_VMLOAD:
	case OPCODE_VMSAVE:
	case OPCODE_STGI:
	case OPCODE_CLGI:
	case OPCODE_SKINIT:
	case OPCODE_INVLPGA:
		return true;
	default:
		return false;
	}
}

/*
 * SVME is set beneath the guest, so that these instructions fault with #GP outside of CPL 0 before they exit.
 * To the guest SVME is clear: they are #UD at every CPL (APM vol. 3, VMRUN and its like).
 */
static void hide_svme(struct cpu *cpu, const struct vmcb *v)
{
	struct event *e = &cpu->exit.event;

	if (v->save.cpl && !e->error && is_svm_instruction(cpu))
		*e = (struct event){.valid = true, .vector = VEC_UD, .type = TRAP_TYPE_EXCEPTION};
}

void svm_decode_exception(struct cpu *cpu, struct vmcb *v)
{
	uint8_t vector = (uint8_t)(v->control.exitcode - SVM_EXIT_EXCEPTION);
	struct exit *x = &cpu->exit;

	x->event = (struct event){
		.valid = true,
		.vector = vector,
		.type = TRAP_TYPE_EXCEPTION,
		.has_error = (vectors_with_error >> vector & 1) & v->save.cr0, /* real mode pushes none */
		.error = (uint32_t)v->control.exitinfo1,
	};
	if (vector == VEC_PF)
		x->address = v->control.exitinfo2;
	else if (vector == VEC_GP)
		hide_svme(cpu, v);
	else if (vector == VEC_DB)
		decode_debug(cpu, v);
	else if (vector == VEC_BP || vector == VEC_OF)
		x->event.type = TRAP_TYPE_SOFTEXC;
}

static struct event software_event(uint8_t type, uint8_t vector)
{
	return (struct event){.valid = true, .type = type, .vector = vector};
}

/*
 * INT n, on QEMU also INT3 and INTO. Decode assists have the vector in EXITINFO1 (15.33). Without them it is in the code,
 * which may lie where nothing can be read, in a ROM: then the CPU carries the instruction out by itself.
 */
static void decode_int(struct cpu *cpu, const struct vmcb *v)
{
	struct exit *x = &cpu->exit;
	struct found_opcode found;

	if (svm_caps.assists) {
		x->event = software_event(TRAP_TYPE_SOFTINT, (uint8_t)v->control.exitinfo1);
		return;
	}
	switch (insn_find(cpu, &found)) {
	case OPCODE_INT:
		x->event = software_event(TRAP_TYPE_SOFTINT, found.byte);
		break;
	case OPCODE_INT3:
		x->event = software_event(TRAP_TYPE_SOFTEXC, VEC_BP);
		break;
	case OPCODE_INTO:
		x->event = software_event(TRAP_TYPE_SOFTEXC, VEC_OF);
		break;
	default:
		x->kind = EXIT_UNREAD;
		break;
	}
}

/* ICEBP has an exit of its own. */
void svm_decode_swint(struct cpu *cpu, struct vmcb *v)
{
	if (v->control.exitcode != SVM_EXIT_ICEBP) {
		decode_int(cpu, v);
		return;
	}
	cpu->exit.event = software_event(TRAP_TYPE_ICEBP, VEC_DB);
	cpu->exit.qualifier = v->save.dr6;
}

void svm_pass_int(struct cpu *cpu)
{
	if (cpu_tells(cpu, REFUSED_CODE))
		log_line("trapline: INT n in code that cannot be read cpu=%u rip=0x%lx; it is carried "
			 "out, unrecorded",
			cpu->number, vmcb_of(cpu)->save.rip);
	vmcb_intercept(&vmcb_of(cpu)->control, SVM_EXIT_SWINT, false);
	svm_set_pending(cpu, SVM_PASSES_INT);
}

void svm_end_pass(struct cpu *cpu)
{
	svm_of(cpu)->pending &= ~SVM_PASSES_INT;
	svm_set_intercepts(cpu);
}

/*
 * The RIP behind a software event's instruction. The CPU's own where it gives one, which is with the exit of the instruction
 * itself (15.7.1), and not with one that interrupted its delivery. What cannot be read is taken to have no prefixes.
 */
static uint64_t soft_next(struct cpu *cpu, const struct event *e)
{
	const struct vmcb *v = vmcb_of(cpu);
	struct found_opcode found;

	if (svm_caps.nrips && v->control.nrip)
		return v->control.nrip;
	if (insn_find(cpu, &found) == OPCODE_NONE)
		found.length = e->type == TRAP_TYPE_SOFTINT ? LENGTH_INT : LENGTH_INT3;
	return insn_after(cpu, svm_code_mode(cpu), found.length);
}

/*
 * Software events push the RIP behind the instruction. CPUs with nRIP take it from there, those without (and
 * Bochs 2.7, which has it and does not use it) from RIP: both are set, and RIP is moved back if the delivery
 * exits. Where trapline.conf leaves exceptions to the guest, such a delivery may fault without an exit, and a
 * CPU with nRIP is trusted to push RIP as it is.
 *
 * INT3 and INTO go in as INT n: every CPU then checks the gate's DPL. Only virtual-8086 mode tells them
 * apart, by IOPL, and there they are exceptions to a real CPU (APM vol. 2 15.20). QEMU 7.2, on which they exit as
 * INT n, looks at the DPL of INT n only, and at IOPL of neither. ICEBP is #DB: no CPU gives vector 1 of type 3
 * the semantics of a trap.
 */
SLOW_PATH static uint64_t prepare_soft(struct cpu *cpu, const struct event *e)
{
	struct svm_cpu *svm = svm_of(cpu);
	struct vmcb *v = vmcb_of(cpu);
	uint64_t next = soft_next(cpu, e);

	v->control.nrip = next;
	if (!svm_caps.nrips || boot_info.config.intercept == ~0u || e->type == TRAP_TYPE_ICEBP) {
		svm->soft_rip = v->save.rip;
		svm->soft_vector = e->vector;
		svm_set_pending(cpu, SVM_SOFT_PENDING);
		v->save.rip = next;
	}
	if (e->type == TRAP_TYPE_ICEBP)
		return TRAP_TYPE_EXCEPTION;
	if (e->type == TRAP_TYPE_SOFTEXC && v->save.rflags & RFLAGS_VM &&
		v->control.exitcode != SVM_EXIT_SWINT)
		return TRAP_TYPE_EXCEPTION;
	return TRAP_TYPE_SOFTINT;
}

/*
 * Faults push RFLAGS with RF set, #DB apart (APM vol. 2 3.1.6); injection pushes what the VMCB has. QEMU 7.2 leaves RF out in
 * 64-bit mode, and a hypervisor beneath it that intercepts a vector puts RF into that alone (KVM: #UD). Each vector that can be
 * raised here is tried, and #DE, which nobody looks at, answers for the others.
 */
void svm_probe_rf(void)
{
	static const uint8_t tried[] = {VEC_DE, VEC_UD, VEC_SS, VEC_GP, VEC_PF};
	uint32_t pushed = 0, others = ~0u;

	for (unsigned i = 0; i < sizeof(tried); i++) {
		pushed |= (uint32_t) !!(fault_rflags(tried[i]) & RFLAGS_RF) << tried[i];
		others &= ~(1u << tried[i]);
	}
	if (pushed & 1u << VEC_DE)
		pushed |= others;
	svm_caps.pushes_rf = pushed & ~(1u << VEC_DB);
}

/* INT3, INTO and INT n are traps. */
void svm_inject(struct cpu *cpu, const struct event *e, uint64_t cr2)
{
	struct vmcb *v = vmcb_of(cpu);
	uint64_t type = e->type, word;

	if (type >= TRAP_TYPE_SOFTINT)
		type = prepare_soft(cpu, e);
	else if (type == TRAP_TYPE_EXCEPTION && svm_caps.pushes_rf >> e->vector & 1)
		v->save.rflags |= RFLAGS_RF;
	word = SVM_EVENT_V | type << 8 | e->vector;
	if (e->has_error)
		word |= SVM_EVENT_EV | (uint64_t)e->error << 32;
	if (e->vector == VEC_PF && e->type == TRAP_TYPE_EXCEPTION)
		v->save.cr2 = cr2;
	v->control.eventinj = word;
}

/* Leaves it to the guest, once. The next exit is the end of it, at the APIC, or the IRET of its handler. */
static void pass_interrupt(struct cpu *cpu)
{
	cpu->pass_interrupt = true;
	svm_watch_interrupts(cpu, false);
	if (!apic_sees_interrupts())
		vmcb_intercept(&vmcb_of(cpu)->control, SVM_EXIT_IRET, true);
}

/*
 * QEMU 7.2 keeps the vector of an external interrupt that was injected, and delivers it once more, IF or not, when
 * another of its threads wants the CPU's attention before the next exit or exception: a kernel whose timer's handler is
 * entered twice waits for its own lock. QEMU is told by having no nRIP; the other way is right on any CPU.
 */
void svm_take_interrupt(struct cpu *cpu)
{
	if (svm_caps.nrips)
		host_interrupt_take(cpu);
	if (!cpu->host_interrupt_valid) /* it is gone meanwhile, or the host cannot have it */
		pass_interrupt(cpu);
}
