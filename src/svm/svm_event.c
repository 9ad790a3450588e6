/*
 * Events: what EXITINTINFO and the exception exits say, and what EVENTINJ is told (APM vol. 2 15.7.2, 15.12, 15.20).
 *
 * Where QEMU 7.2 (TCG) differs from the manual:
 *  - INT3 and INTO exit as INT n (0x75), not as exceptions 3 and 4, and CPUs without nRIP do not say how long the
 *    instruction was: the bytes are looked at.
 *  - EXITINTINFO has type 3 for external interrupts and NMIs, and 4 for INT3: put right in event_of().
 *  - Type 3 with vector 3 or 4 does not check the gate's DPL, type 4 does: the CPU without nRIP gets type 4.
 * Where Bochs 2.7 differs: DR6 is not updated at a #DB exit; EXITINFO2 has its bits there.
 */
#include "svm/svm.h"
#include "cpu/idt.h"
#include "exit/insn.h"
#include "trace/vector.h"

#define SOFT_TYPE    4 /* INT n, in EVENTINJ */
#define DR6_REASONS  0xe00full
#define OPCODE_INT3  0xcc
#define OPCODE_INTO  0xce
#define OPCODE_ICEBP 0xf1

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
	else if (e.type == TRAP_TYPE_EXCEPTION && e.vector >= 32)
		e.type = TRAP_TYPE_EXTINT;
	else if (e.type == TRAP_TYPE_EXCEPTION && (e.vector == VEC_BP || e.vector == VEC_OF))
		e.type = TRAP_TYPE_SOFTEXC;
	return e;
}

/*
 * A software event whose RIP was moved by hand before it went in: when its delivery did not finish, the guest must see
 * RIP at the instruction again, as the CPU has it.
 */
void svm_soft_event_done(struct cpu *cpu)
{
	struct svm_cpu *svm = svm_of(cpu);

	svm->soft_pending = false;
	if (cpu->exit.during.valid)
		svm->vmcb->save.rip = svm->soft_rip;
}

void svm_decode_during(struct cpu *cpu, const struct vmcb *v)
{
	cpu->exit.during = event_of(v->control.exitintinfo);
}

static void decode_debug(struct cpu *cpu, struct vmcb *v)
{
	v->save.dr6 |= v->control.exitinfo2 & DR6_REASONS; /* Bochs; elsewhere EXITINFO2 is 0 here */
	cpu->exit.qualifier = v->save.dr6;
}

void svm_decode_exception(struct cpu *cpu, struct vmcb *v)
{
	uint8_t vector = (uint8_t)(v->control.exitcode - SVM_EXIT_EXCEPTION);
	struct exit *x = &cpu->exit;

	x->event = (struct event){
		.valid = true,
		.vector = vector,
		.type = TRAP_TYPE_EXCEPTION,
		.has_error = vector_has_error(vector) && (v->save.cr0 & 1), /* real mode pushes none */
		.error = (uint32_t)v->control.exitinfo1,
	};
	if (vector == VEC_PF)
		x->address = v->control.exitinfo2;
	else if (vector == VEC_DB)
		decode_debug(cpu, v);
	else if (vector == VEC_BP || vector == VEC_OF)
		x->event.type = TRAP_TYPE_SOFTEXC;
}

/* INT n, on QEMU also INT3 and INTO; ICEBP has an exit of its own. */
void svm_decode_swint(struct cpu *cpu, struct vmcb *v)
{
	struct exit *x = &cpu->exit;
	uint8_t opcode, operand;

	insn_opcode(cpu, &opcode, &operand);
	x->event = (struct event){.valid = true, .type = TRAP_TYPE_SOFTEXC};
	if (v->control.exitcode == SVM_EXIT_ICEBP) {
		x->event.type = TRAP_TYPE_ICEBP;
		x->event.vector = VEC_DB;
		x->qualifier = v->save.dr6;
	} else if (opcode == OPCODE_INT3) {
		x->event.vector = VEC_BP;
	} else if (opcode == OPCODE_INTO) {
		x->event.vector = VEC_OF;
	} else {
		x->event.type = TRAP_TYPE_SOFTINT;
		x->event.vector = operand;
	}
}

/*
 * Software events push the RIP behind the instruction: the CPU takes it from nRIP where it has that, otherwise RIP is
 * moved, and moved back if the delivery exits. ICEBP is #DB with RIP moved on every CPU: hardware gives vector 1 of
 * type 3 no trap semantics.
 */
static uint64_t prepare_soft(struct cpu *cpu, const struct event *e)
{
	struct svm_cpu *svm = svm_of(cpu);
	struct vmcb *v = svm->vmcb;
	uint64_t next = insn_next(cpu);

	if (svm_caps.nrips && e->type != TRAP_TYPE_ICEBP) {
		v->control.nrip = next;
		return e->type == TRAP_TYPE_SOFTINT ? SOFT_TYPE : TRAP_TYPE_EXCEPTION;
	}
	svm->soft_rip = v->save.rip;
	svm->soft_pending = true;
	v->save.rip = next;
	return e->type == TRAP_TYPE_ICEBP ? TRAP_TYPE_EXCEPTION : SOFT_TYPE;
}

void svm_inject(struct cpu *cpu, const struct event *e, uint64_t cr2)
{
	struct vmcb *v = vmcb_of(cpu);
	uint64_t type = e->type, word;

	if (type >= TRAP_TYPE_SOFTINT)
		type = prepare_soft(cpu, e);
	word = SVM_EVENT_V | type << 8 | e->vector;
	if (e->has_error)
		word |= SVM_EVENT_EV | (uint64_t)e->error << 32;
	if (e->vector == VEC_PF && e->type == TRAP_TYPE_EXCEPTION)
		v->save.cr2 = cr2;
	v->control.eventinj = word;
}

/* The NMI stays pending while GIF is clear (15.17): opening it lets the host's handler note it. */
void svm_take_nmi(struct cpu *cpu)
{
	svm_open_nmi_window();
}

void svm_take_interrupt(struct cpu *cpu)
{
	cpu->host_interrupt_valid = false;
	idt_load_window();
	svm_open_interrupt_window();
	idt_load();
}

/*
 * Without V_NMI the CPU does not block NMIs after an injected one (15.20): the next is held until this one's IRET is
 * seen, and the IRET intercept costs nothing at other times.
 */
bool svm_inject_nmi(struct cpu *cpu)
{
	struct vmcb *v = vmcb_of(cpu);
	struct event nmi = {.valid = true, .type = TRAP_TYPE_NMI, .vector = VEC_NMI};

	if (cpu->guest_nmi_blocked || (v->control.eventinj & SVM_EVENT_V))
		return false;
	svm_inject(cpu, &nmi, 0);
	v->control.intercept1 |= INTERCEPT1_IRET;
	cpu->guest_nmi_blocked = true;
	return true;
}

void svm_nmi_unblocked(struct cpu *cpu)
{
	vmcb_of(cpu)->control.intercept1 &= ~INTERCEPT1_IRET;
	cpu->guest_nmi_blocked = false;
}
