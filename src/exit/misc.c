// SPDX-License-Identifier: MIT
/* Exits with handlers of a line or two. */
#include "hw/asm.h"
#include "exit/handlers.h"
#include "exit/exception.h"
#include "trace/vector.h"

/* Bits that the CPU does not have, and a clear x87 bit, raise #GP (SDM vol. 2 XSETBV): the CPU's own XSETBV decides. */
void exit_xsetbv(struct cpu *cpu)
{
	uint64_t value = cpu->gpr[TRAP_RDX] << 32 | (uint32_t)cpu->gpr[TRAP_RAX];

	if (xsetbv_safe((uint32_t)cpu->gpr[TRAP_RCX], value))
		exit_skip(cpu);
	else
		exception_raise(cpu, VEC_GP, 0);
}

/* INVD would discard the VMM's data in the caches. With WBINVD instead the guest sees no difference. */
void exit_invd(struct cpu *cpu)
{
	wbinvd();
	exit_skip(cpu);
}

void exit_virtualization(struct cpu *cpu)
{
	exception_raise(cpu, VEC_UD, 0);
}
