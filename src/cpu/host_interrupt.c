// SPDX-License-Identifier: MIT
#include "cpu/host_interrupt.h"
#include "cpu/idt.h"
#include "cpu/moment.h"

void host_interrupt_take(struct cpu *cpu)
{
	cpu->host_interrupt_valid = false;
	idt_load_window();
	moment_open();
	__asm__ volatile("sti\n\tnop\n\tnop\n\tcli" : : : "memory");
	moment_close();
	idt_load();
}
