// SPDX-License-Identifier: MIT
/*
 * Exits that only VT-x has. A control-register access exits if the guest writes a bit that Trapline owns with
 * another value than the shadow's: CR4.VMXE and SMXE, which a CPU without VT-x and SMX does not have, and
 * CR0.NE, which VMX operation fixes at 1.
 */
#include "vmx/vmx.h"
#include "guest/insn.h"
#include "hw/x86.h"
#include "apic/apic.h"
#include "log/turn.h"
#include "exit/control_register.h"
#include "exit/exception.h"
#include "exit/io.h"
#include "exit/pic.h"
#include "exit/watch_control.h"
#include "trace/vector.h"

/* Table 28-3: exit qualification of a control-register access */
#define ACCESS_REGISTER(q) ((q)&15)
#define ACCESS_TYPE(q)     ((q) >> 4 & 3)
#define ACCESS_GPR(q)      ((q) >> 8 & 15)
#define ACCESS_SOURCE(q)   ((q) >> 16 & 0xffff) /* of LMSW */

enum {
	ACCESS_MOV_TO,
	ACCESS_MOV_FROM,
	ACCESS_CLTS,
	ACCESS_LMSW
};

/* The CPU says all about it: the code, which may not be readable, is not needed. */
static struct control_write write_of(const struct cpu *cpu, uint64_t qualification)
{
	uint64_t cr0 = vmx_get(cpu, GUEST_CR0);
	struct control_write w = {.length = (uint8_t)vmread(VMCS_EXIT_LENGTH)};

	if (ACCESS_TYPE(qualification) == ACCESS_CLTS) {
		w.value = cr0 & ~(uint64_t)CR0_TS;
	} else if (ACCESS_TYPE(qualification) == ACCESS_LMSW) {
		w.value = cr0_with_lmsw(cr0, ACCESS_SOURCE(qualification));
	} else {
		w.number = ACCESS_REGISTER(qualification);
		w.value = insn_operand(cpu, ACCESS_GPR(qualification));
	}
	return w;
}

static bool is_legal(const struct cpu *cpu, uint64_t value)
{
	const struct vmx_mode *m = vmx_mode(cpu);
	const struct cr_state state = {
		.cr0 = m->paging.cr0,
		.cr3 = m->paging.cr3,
		.cr4 = m->paging.cr4,
		.efer = m->paging.efer,
		.long_code = m->cs_rights & RIGHTS_LONG,
	};

	return cr0_is_legal(&state, value);
}

/*
 * Only the shadow gets the new NE, and the instruction runs again. It now agrees with the shadow, so it
 * does not exit, and the CPU itself carries out all other changes (paging, long mode, caches).
 */
static void write_cr0_ne(struct cpu *cpu, uint64_t value)
{
	if (!is_legal(cpu, value)) {
		exception_raise(cpu, VEC_GP, 0);
		return;
	}
	vmx_of(cpu)->cr0_shadow = value & CR0_OWNED;
	vmwrite(VMCS_CR0_SHADOW, value & CR0_OWNED);
	vmx_set_intercepts(cpu);
}

/*
 * An x87 error while the guest has NE clear: FERR#, which the chipset turns into IRQ 13 (SDM vol. 3A 2.5, vol. 1 8.7). A CPU does not
 * complete the instruction until an interrupt comes; here the guest takes the error repeatedly until it can
 * take an interrupt. If the vector of IRQ 13 is unknown, or the interrupt's handler takes the error again after it
 * has asserted IGNNE#, the guest gets #MF, as with NE set.
 */
void vmx_x87_error(struct cpu *cpu)
{
	struct event e = {.valid = true, .type = TRAP_TYPE_EXTINT, .vector = (uint8_t)pic_vector()};

	if (pic_vector() == PIC_NOT_KNOWN || pic_ignores_error() || !apic_takes_pic()) {
		exception_raise(cpu, VEC_MF, 0);
		return;
	}
	turn_poll(cpu);
	if (!(vmx_of(cpu)->rflags & RFLAGS_IF) || !pic_is_open())
		return;
	pic_taken();
	io_update_pic();
	vmx_end_shadow(cpu);
	vmx_inject(cpu, &e, 0);
}

/* A write that exits without VMXE or SMXE, or of TS: a watch is gone, but the masks were still set. It runs again without them. */
void vmx_control_register(struct cpu *cpu)
{
	uint64_t q = vmread(VMCS_EXIT_QUALIFICATION);
	const struct control_write w = write_of(cpu, q);

	if (watch_control(cpu, &w))
		return;
	if (w.number == 0 && ACCESS_TYPE(q) == ACCESS_MOV_TO)
		write_cr0_ne(cpu, w.value);
	else if (w.number == 4 && w.value & CR4_OWNED)
		exception_raise(cpu, VEC_GP, 0);
	else
		vmx_set_intercepts(cpu);
}
