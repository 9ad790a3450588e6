/* Exits that need a line or two each. */
#include "console/console.h"
#include "cpu/asm.h"
#include "exit/dispatch.h"
#include "exit/exception.h"
#include "trace/vector.h"
#include "vendor.h"

/*
 * Interrupts are watched only while the console has something to do, and where one looks for
 * keys and has no other exits to do so. The host acknowledges this one, so that its vector is known and it is in
 * service as if the guest had taken it, and passes it on: the guest could have taken it at this very point.
 */
void exit_interrupt(struct cpu *cpu)
{
	struct event e = {.type = TRAP_TYPE_EXTINT};

	console_look(cpu);
	vendor->take_interrupt(cpu);
	if (cpu->pass_interrupt)
		cpu_add_work(cpu, CPU_WORK_CONSOLE); /* which watches interrupts again afterwards */
	if (!cpu->host_interrupt_valid)
		return;
	cpu->host_interrupt_valid = false;
	e.valid = true;
	e.vector = cpu->host_interrupt;
	vendor->inject(cpu, &e, 0);
}

/* The host's handler marks it; it goes to the guest at the end of this exit if the guest can take it. */
void exit_nmi(struct cpu *cpu)
{
	vendor->take_nmi(cpu);
}

void exit_iret(struct cpu *cpu)
{
	vendor->nmi_unblocked(cpu);
}

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
