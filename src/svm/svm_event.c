// SPDX-License-Identifier: MIT
/*
 * Events: decodes EXITINTINFO and the exception exits, and fills in EVENTINJ (APM vol.
 * 2 15.7.2, 15.12, 15.20).
 *
 * QEMU 7.2 (TCG) differs from the manual:
 *  - INT3 and INTO exit as INT n (0x75), not as exceptions 3 and 4. Without nRIP the CPU does not report the length of
 *    the instruction, so its bytes are read.
 *  - EXITINTINFO has type 3 for external interrupts and NMIs, and 4 for INT3; event_of() corrects this. No CPU raises
 *    exception 31, and VMRUN refuses to inject it.
 *  - Type 3 with vector 3 or 4 does not check the gate's DPL, type 4 does.
 * Bochs 2.7 (ryzen) differs, too: neither DR6 nor DR7.GD is updated at a #DB exit; debug_reasons() derives
 * them.
 */
#include "svm/svm.h"
#include "cpu/idt.h"
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
 * A software event was injected with a changed RIP. If its delivery did not finish, the guest
 * must see RIP at the instruction again, as on a CPU.
 */
void svm_soft_event_done(struct cpu *cpu)
{
	struct svm_cpu *svm = svm_of(cpu);

	svm->pending &= ~SVM_SOFT_PENDING;
	if (cpu->exit.during.valid && cpu->exit.during.type >= TRAP_TYPE_EXCEPTION &&
		cpu->exit.during.vector == svm->soft_vector)
		vmcb_of(cpu)->save.rip = svm->soft_rip;
}

/* INT3 and INTO were injected as INT n (prepare_soft()): their own record has the type. */
void svm_decode_during(struct cpu *cpu, const struct vmcb *v)
{
	struct event *during = &cpu->exit.during;

	*during = event_of(v->control.exitintinfo);
	if (during->type == TRAP_TYPE_SOFTINT && cpu->recorded_type == TRAP_TYPE_SOFTEXC &&
		cpu->recorded_vector == during->vector)
		during->type = TRAP_TYPE_SOFTEXC;
	cpu_add_work(cpu, CPU_WORK_EVENT);
}

/* Whether breakpoint n of DR7 is enabled, and its R/W field (APM vol. 2 13.1.1.4); 0 is an instruction breakpoint. */
static bool breakpoint_on(uint64_t dr7, unsigned n)
{
	return dr7 >> 2 * n & 3;
}

static unsigned breakpoint_kind(uint64_t dr7, unsigned n)
{
	return dr7 >> (16 + 4 * n) & 3;
}

/* A bus lock (BusLockTrap, Zen 5) is a reason as well, the only one whose bit is then clear (APM vol. 2 13.1.1.3). */
bool svm_says_why(uint64_t dr6)
{
	return dr6 & DR6_REASONS || !(dr6 & DR6_BLD);
}

/* The data breakpoint that matched cannot be determined afterwards, so all enabled ones are named. */
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
 * By the manual DR6 and DR7 are as the handler must see them (APM vol. 2 15.12.2). If a #DB exits with a DR6 without any reason, this
 * DR6 is that of the entry (Bochs 2.7). From then on bits that the guest has left in it do not count as reasons.
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
 * SVME is set while the guest runs, so outside of CPL 0 these instructions fault with #GP before they exit.
 * For the guest SVME is clear, and they have to raise #UD at every CPL (APM vol. 3, VMRUN and related instructions).
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
 * INT n; on QEMU also INT3 and INTO. With decode assists EXITINFO1 has the vector (15.33). Without them it is in the code,
 * which may be unreadable, in a ROM: then the CPU carries the instruction out.
 */
static void decode_int(struct cpu *cpu, const struct vmcb *v)
{
	struct exit *x = &cpu->exit;
	struct found_opcode found;

	svm_of(cpu)->soft_length = 0;
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
		return;
	}
	svm_of(cpu)->soft_length = found.length;
}

/* ICEBP has its own exit. */
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
 * The RIP after a software event's instruction. The CPU's nRIP is valid at the exit of the instruction
 * itself (15.7.1), but not at an exit that interrupted its delivery. Unreadable code is assumed to have no prefixes.
 */
static uint64_t soft_next(struct cpu *cpu, const struct event *e)
{
	const struct vmcb *v = vmcb_of(cpu);
	struct found_opcode found;

	if (svm_caps.nrips && v->control.nrip)
		return v->control.nrip;
	if (e == &cpu->exit.event && v->control.exitcode == SVM_EXIT_SWINT && svm_of(cpu)->soft_length)
		return insn_after(cpu, svm_code_mode(cpu), svm_of(cpu)->soft_length);
	if (insn_find(cpu, &found) == OPCODE_NONE)
		found.length = e->type == TRAP_TYPE_SOFTINT ? LENGTH_INT : LENGTH_INT3;
	return insn_after(cpu, svm_code_mode(cpu), found.length);
}

/*
 * A software event pushes the RIP after its instruction. CPUs with nRIP take it from there; those without (and
 * Bochs 2.7, which has nRIP and does not use it) take it from RIP. So both are set, and RIP is restored if the delivery
 * exits. If trapline.conf leaves exceptions to the guest, such a delivery may fault without an exit; then a
 * CPU with nRIP is relied on to push the unchanged RIP.
 *
 * INT3 and INTO are injected as INT n, so that every CPU checks the gate's DPL. Only in virtual-8086 mode do they differ,
 * because INT n depends on IOPL; there a real CPU gets them as exceptions (APM vol. 2 15.20). QEMU 7.2, on which they exit as
 * INT n, checks the DPL for INT n only, and IOPL for neither. ICEBP is injected as #DB: no CPU treats vector 1 of type 3
 * as a trap.
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
 * Faults other than #DB push RFLAGS with RF set (APM vol. 2 3.1.6); an injected event pushes the VMCB's RFLAGS. QEMU 7.2 leaves RF
 * clear in 64-bit mode, and a hypervisor on it that intercepts a vector sets RF for that vector alone (KVM: #UD). So each vector
 * that can be raised here is tried; the result of #DE, which hypervisors do not intercept, is used for the others.
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

/* Leaves the interrupt to the guest, once, until the next exit: at the APIC, or at the IRET of its handler. */
static void pass_interrupt(struct cpu *cpu)
{
	cpu->pass_interrupt = true;
	svm_watch_interrupts(cpu, false);
	if (!apic_sees_interrupts())
		vmcb_intercept(&vmcb_of(cpu)->control, SVM_EXIT_IRET, true);
}

/*
 * QEMU 7.2 stores the vector of an injected external interrupt and delivers it a second time, whatever IF is, when
 * another of its threads wants the CPU's attention before the next exit or exception. A kernel whose timer handler is
 * entered twice then waits for its own lock. The lack of nRIP identifies QEMU; the method used there is right on any CPU.
 */
void svm_take_interrupt(struct cpu *cpu)
{
	if (svm_caps.nrips)
		host_interrupt_take(cpu);
	if (!cpu->host_interrupt_valid) /* it was withdrawn meanwhile, or the host cannot get it */
		pass_interrupt(cpu);
}
