/* VMCALL: services by name. */
#include "exit/dispatch.h"
#include "vendor.h"

/* No service is registered yet: every name is unknown, and so is every number. */
void exit_vmcall(struct cpu *cpu)
{
	cpu->gpr[TRAP_RAX] = 0;
	exit_skip(cpu);
}
