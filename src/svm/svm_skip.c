// SPDX-License-Identifier: MIT
#include "svm/svm_skip.h"
#include "log/log.h"
#include "hw/msr.h"
#include "exit/exception.h"
#include "report/fault.h"
#include "hw/x86.h"
#include "trace/vector.h"

/*
 * The prefixes are in the code. If it cannot be read, or has become another instruction, it is assumed to have none,
 * because repeating the instruction for ever would be worse. A line reports it once for each CPU, but not for HLT and MWAIT:
 * firmware parks CPUs in its own memory.
 */
static unsigned exited_length(struct cpu *cpu)
{
	enum opcode opcode = svm_exited_opcode(cpu->exit.reason);
	struct found_opcode found;
	unsigned length;

	if (opcode == OPCODE_NONE)
		fault_fatal(cpu, "nothing to step over behind exit %s", svm_exit_name(cpu->exit.reason));
	length = opcode_length(opcode);
	if (insn_find(cpu, &found) != OPCODE_NONE && opcode_length(found.opcode) == length)
		return found.length;
	if (cpu->exit.kind != EXIT_HLT && !cpu->told[REFUSED_CODE] && cpu_tells(cpu, REFUSED_CODE))
		log_line("trapline: code that cannot be read cpu=%u rip=0x%lx exit=%s; it is taken to be "
			 "%u bytes",
			cpu->number, vmcb_of(cpu)->save.rip, svm_exit_name(cpu->exit.reason), length);
	return length;
}

/* EXITINFO2 of an IOIO exit is the next RIP on every CPU (15.10.2). */
SLOW_PATH uint64_t svm_find_next(struct cpu *cpu)
{
	if (cpu->exit.kind == EXIT_IO)
		return vmcb_of(cpu)->control.exitinfo2;
	if (cpu->exit.kind == EXIT_EXCEPTION) /* insn_is_vmcall(): it has no prefixes */
		return insn_after(cpu, svm_code_mode(cpu), LENGTH_VMCALL);
	return insn_after(cpu, svm_code_mode(cpu), exited_length(cpu));
}

/* With BTF set TF steps branches only (APM vol. 2 13.1.1.7), and no skipped instruction is a branch. DebugCtl is the guest's. */
static bool is_stepped(const struct vmcb_save *s)
{
	uint64_t debugctl = 0;

	return s->rflags & RFLAGS_TF && !(rdmsr_safe(MSR_DEBUGCTL, &debugctl) && debugctl & DEBUGCTL_BTF);
}

SLOW_PATH void svm_end_instruction(struct cpu *cpu)
{
	struct vmcb_save *s = &vmcb_of(cpu)->save;

	s->rflags &= ~RFLAGS_RF;
	if (is_stepped(s))
		exception_single_step(cpu);
}

/* One #DB for all reasons: the breakpoints are set first. */
SLOW_PATH static void skip_met(struct cpu *cpu, struct vmcb *v, uint64_t met)
{
	struct vmcb_save *s = &v->save;

	s->dr6 = (s->dr6 & ~0xfull) | met;
	svm_skipped(cpu, v);
	if (!is_stepped(s))
		exception_raise(cpu, VEC_DB, 0);
}

static inline void skip_to(struct cpu *cpu, struct vmcb *v, uint64_t rip, uint64_t met)
{
	v->save.rip = rip;
	if (met)
		skip_met(cpu, v, met);
	else
		svm_skipped(cpu, v);
}

/* RIP wraps at 4 GiB, except in 64-bit code. */
void svm_skip_on(struct cpu *cpu, unsigned length, uint64_t met)
{
	struct vmcb *v = vmcb_of(cpu);
	uint64_t rip = v->save.rip, next = rip + length;

	if (__builtin_expect((rip ^ next) >> 32, 0) && svm_code_mode(cpu) != 64)
		next = (uint32_t)next;
	skip_to(cpu, v, next, met);
}

void svm_skip_to(struct cpu *cpu, uint64_t rip)
{
	skip_to(cpu, vmcb_of(cpu), rip, 0);
}

/* The bytes that came with the exit need no walk: svm_exit.c. */
static inline bool is_seen(const struct exit *x, const struct vmcb_save *s, const struct code_seen *seen)
{
	if (!(s->efer & EFER_LMA) || !(s->cs.attrib & ATTRIB_LONG))
		return false;
	if (__builtin_expect(x->code_len != EXIT_CODE_UNREAD, 0))
		return seen->linear == s->rip && code_seen_same(seen, x->code);
	return code_seen_holds(seen, s->cr3, s->cr4, s->rip);
}

bool svm_skip_seen(struct cpu *cpu, const struct code_seen *seen, unsigned length)
{
	struct vmcb *v = vmcb_of(cpu);

	if (!is_seen(&cpu->exit, &v->save, seen))
		return false;
	if (!length)
		return true;
	v->save.rip += length;
	svm_skipped(cpu, v);
	return true;
}
