// SPDX-License-Identifier: MIT
#include "log/turn.h"
#include "exit/handlers.h"
#include "vendor.h"

/*
 * Interrupts exit only while the console has something to do, or if it polls for keys and
 * has no other exits for that. The host acknowledges the interrupt, so that its vector is known and it is in
 * service as if the guest had taken it, and injects it. The guest could have taken it at this very point.
 */
void exit_interrupt(struct cpu *cpu)
{
	struct event e = {.type = TRAP_TYPE_EXTINT};

	turn_poll(cpu);
	if (cpu->work &
		CPU_WORK_EVENT) /* that event goes first: the interrupt stays with the interrupt controller, and exits again */
		return;
	vendor->events.take_interrupt(cpu);
	if (cpu->pass_interrupt)
		cpu_add_work(cpu, CPU_WORK_CONSOLE); /* turns interrupt exits on again later */
	if (!cpu->host_interrupt_valid)
		return;
	cpu->host_interrupt_valid = false;
	e.valid = true;
	e.vector = cpu->host_interrupt;
	vendor->events.inject(cpu, &e, 0);
}
