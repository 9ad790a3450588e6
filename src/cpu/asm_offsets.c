// SPDX-License-Identifier: MIT
/*
 * Offsets and constants of C for the VMM's assembly. This is compiled to assembly and never linked; build.mk makes asm_offsets.inc of the
 * lines that begin with "-> ".
 */
#include <stddef.h>
#include "cpu/cpu.h"
#include "cpu/idt.h"
#include "hw/mitigations.h"
#include "hw/msr.h"
#include "hw/x86.h"

#define DEFINE(name, value)  __asm__ volatile("-> " name " %c0" : : "i"(value))
#define CONSTANT(name)       DEFINE(#name, name)
#define MEMBER(name, member) DEFINE(name, offsetof(struct cpu, member))

void asm_offsets(void);

void asm_offsets(void)
{
	MEMBER("CPU_RAX", gpr[TRAP_RAX]);
	MEMBER("CPU_RCX", gpr[TRAP_RCX]);
	MEMBER("CPU_RDX", gpr[TRAP_RDX]);
	MEMBER("CPU_RBX", gpr[TRAP_RBX]);
	MEMBER("CPU_RBP", gpr[TRAP_RBP]);
	MEMBER("CPU_RSI", gpr[TRAP_RSI]);
	MEMBER("CPU_RDI", gpr[TRAP_RDI]);
	MEMBER("CPU_R8", gpr[TRAP_R8]);
	MEMBER("CPU_R9", gpr[TRAP_R9]);
	MEMBER("CPU_R10", gpr[TRAP_R10]);
	MEMBER("CPU_R11", gpr[TRAP_R11]);
	MEMBER("CPU_R12", gpr[TRAP_R12]);
	MEMBER("CPU_R13", gpr[TRAP_R13]);
	MEMBER("CPU_R14", gpr[TRAP_R14]);
	MEMBER("CPU_R15", gpr[TRAP_R15]);
	MEMBER("CPU_VENDOR_0", vendor_asm[0]);
	MEMBER("CPU_VENDOR_1", vendor_asm[1]);
	MEMBER("CPU_STACK_TOP", host_stack_top);
	MEMBER("CPU_HOST_INTERRUPT", host_interrupt);
	MEMBER("CPU_HOST_INTERRUPT_VALID", host_interrupt_valid);
	MEMBER("CPU_MITIGATING", mitigating);
	MEMBER("CPU_HOST_SPEC_CTRL", host_spec_ctrl);
	MEMBER("CPU_GUEST_SPEC_CTRL", guest_spec_ctrl);
	DEFINE("FRAME_RBP", offsetof(struct trap_frame, rbp));
	DEFINE("FRAME_VECTOR", offsetof(struct trap_frame, vector));
	DEFINE("FRAME_RIP", offsetof(struct trap_frame, rip));
	DEFINE("FRAME_RFLAGS", offsetof(struct trap_frame, rflags));
	CONSTANT(RFLAGS_IF);
	CONSTANT(SEL_HOST_CS);
	CONSTANT(SEL_HOST_DS);
	CONSTANT(MITIGATE_IBRS);
	CONSTANT(MITIGATE_IBPB);
	CONSTANT(MITIGATE_RSB);
	CONSTANT(MITIGATE_CALL);
	CONSTANT(MITIGATE_BHB);
	CONSTANT(MITIGATE_VERW);
	CONSTANT(MITIGATE_L1D);
	CONSTANT(MSR_SPEC_CTRL);
	CONSTANT(MSR_PRED_CMD);
	CONSTANT(MSR_FLUSH_CMD);
}
