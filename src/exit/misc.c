/* Exits that need a line or two each. */
#include "hw/asm.h"
#include "exit/handlers.h"
#include "exit/exception.h"
#include "trace/vector.h"

/* Other bits than x87 and those the CPU has raise #GP (SDM vol. 2 XSETBV); the CPU itself is asked. */
void exit_xsetbv(struct cpu *cpu)
{
	uint64_t value = cpu->gpr[TRAP_RDX] << 32 | (uint32_t)cpu->gpr[TRAP_RAX];

	if (xsetbv_safe((uint32_t)cpu->gpr[TRAP_RCX], value))
		exit_skip(cpu);
	else
		exception_raise(cpu, VEC_GP, 0);
}

/* INVD would throw away what the VMM has in the caches; written back, the guest cannot tell the difference. */
void exit_invd(struct cpu *cpu)
{
	wbinvd();
	exit_skip(cpu);
}

void exit_virtualization(struct cpu *cpu)
{
	exception_raise(cpu, VEC_UD, 0);
}
