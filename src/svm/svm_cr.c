// SPDX-License-Identifier: MIT
/*
 * MOV to CR0 and CR4 on CPUs that accept values which the manual refuses (APM vol. 2 3.1.1, 3.1.3), and whose VMRUN then refuses
 * the state. QEMU 7.2 does so for CR0 always, for CR4 except for reserved bits; Bochs 2.7 does so in a
 * guest. On these the instructions exit; on a CPU that follows the manual they do not.
 */
#include "hw/asm.h"
#include "exit/control_register.h"
#include "exit/exception.h"
#include "exit/watch_control.h"
#include "guest/insn.h"
#include "svm/svm.h"
#include "hw/x86.h"
#include "trace/vector.h"

#define REX_B        1u
#define MODRM_REG(m) ((m) >> 3 & 7)
#define MODRM_RM(m)  ((m)&7)

/* Tries such a value. A refused one changes nothing; an accepted one is undone. */
void svm_cr_probe(void)
{
	uint64_t cr0 = read_cr0();

	svm_caps.strict_cr = !write_cr0_safe((cr0 & ~CR0_CD) | CR0_NW);
	if (!svm_caps.strict_cr)
		write_cr0(cr0);
}

/* Intercepts writes; of CR0 those that change other bits than TS and MP. */
void svm_watch_cr(struct cpu *cpu)
{
	struct vmcb_control *c = &vmcb_of(cpu)->control;

	if (svm_caps.strict_cr)
		return;
	vmcb_intercept(c, SVM_EXIT_CR0_SEL_WRITE, true);
	vmcb_intercept(c, SVM_EXIT_CR4_WRITE, true);
}

/* Decodes MOV to a control register at RIP: the control register, and the general register. */
static bool decode_move(struct cpu *cpu, unsigned *cr, unsigned *gpr)
{
	struct found_opcode found;

	if (insn_find(cpu, &found) != OPCODE_MOV_CR)
		return false;
	*cr = MODRM_REG(found.byte);
	*gpr = MODRM_RM(found.byte) | (found.rex & REX_B) << 3;
	return true;
}

static bool is_legal(const struct cpu *cpu, unsigned cr, uint64_t value)
{
	const struct vmcb_save *s = &vmcb_of(cpu)->save;
	const struct cr_state state = {
		.cr0 = s->cr0,
		.cr3 = s->cr3,
		.cr4 = s->cr4,
		.efer = s->efer,
		.long_code = s->cs.attrib & ATTRIB_LONG,
	};

	return cr ? cr4_is_legal(&state, value) : cr0_is_legal(&state, value);
}

/* The instruction runs again without an exit, so the CPU itself carries out all changes. */
static void let_through(struct cpu *cpu)
{
	struct vmcb_control *c = &vmcb_of(cpu)->control;

	vmcb_intercept(c, SVM_EXIT_CR0_SEL_WRITE, false);
	vmcb_intercept(c, SVM_EXIT_CR0_WRITE, false);
	vmcb_intercept(c, SVM_EXIT_CR3_WRITE, false);
	vmcb_intercept(c, SVM_EXIT_CR4_WRITE, false);
	svm_set_pending(cpu, SVM_CR_OPEN);
	svm_keep_shadow(cpu);
}

void svm_close_cr(struct cpu *cpu)
{
	svm_of(cpu)->pending &= ~SVM_CR_OPEN;
	svm_watch_cr(cpu);
	svm_watch_registers(cpu);
}

/* LMSW exits as well, and never has a refused value. With SVM_EXIT_INVALID the CPU has already refused the value: svm_refused(). */
void svm_control_register(struct cpu *cpu)
{
	unsigned cr, gpr;

	if (cpu->exit.reason != SVM_EXIT_INVALID && watch_control_insn(cpu))
		return;
	if (cpu->exit.reason != SVM_EXIT_INVALID &&
		(!decode_move(cpu, &cr, &gpr) || is_legal(cpu, cr, insn_operand(cpu, gpr))))
		let_through(cpu);
	else
		exception_raise(cpu, VEC_GP, 0);
}

bool svm_is_cr_move(struct cpu *cpu)
{
	unsigned cr, gpr;

	return decode_move(cpu, &cr, &gpr);
}
