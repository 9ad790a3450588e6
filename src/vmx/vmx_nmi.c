// SPDX-License-Identifier: MIT
/*
 * NMIs: those of the host, which exit, and those of the guest, by virtual NMIs (SDM vol. 3C 25.5.1, 26.3, 28.5.5). The CPU blocks them
 * for the guest until its IRET, and the NMI window exits when it can take one.
 */
#include "apic/park.h"
#include "cpu/idt.h"
#include "trace/vector.h"
#include "vmx/vmx.h"

/*
 * The exit has consumed the NMI, and blocks further ones until an IRET (28.5.5): this executes one, to the next
 * instruction.
 */
static void unblock_host_nmi(void)
{
	uint64_t rsp, scratch;

	__asm__ volatile("mov %%rsp, %0\n\t"
			 "push %2\n\t"
			 "push %0\n\t"
			 "pushfq\n\t"
			 "push %3\n\t"
			 "lea 1f(%%rip), %1\n\t"
			 "push %1\n\t"
			 "iretq\n"
			 "1:"
			 : "=&r"(rsp), "=&r"(scratch)
			 : "i"(SEL_HOST_DS), "i"(SEL_HOST_CS)
			 : "memory", "cc");
}

void vmx_take_nmi(struct cpu *cpu)
{
	cpu_note_nmi(cpu);
	unblock_host_nmi();
}

/*
 * Virtual NMIs: the CPU blocks further ones from this one's delivery to the guest's IRET. If the guest
 * cannot take it now, the NMI window exits when it can. A pending single step goes first.
 */
bool vmx_inject_nmi(struct cpu *cpu)
{
	struct event nmi = {.valid = true, .type = TRAP_TYPE_NMI, .vector = VEC_NMI};
	const struct vmx_cpu *vmx = vmx_of(cpu);

	if (vmx->event_set || vmx->stepped ||
		(vmread(VMCS_GUEST_INTERRUPTIBILITY) & (BLOCKING_NMI | BLOCKING_MOV_SS | BLOCKING_STI))) {
		vmx_set_control(cpu, CPU_NMI_WINDOW, true);
		return false;
	}
	vmx_set_control(cpu, CPU_NMI_WINDOW, false);
	if (cpu->nmi_pending ||
		(cpu->work &
			(CPU_WORK_KICK |
				CPU_WORK_MC))) /* Another one has come since, or may come at any point here. */
		vmx_set_control(cpu, CPU_NMI_WINDOW, true);
	vmx_inject(cpu, &nmi, 0);
	return true;
}

/* The NMI window is open: work that waits for it is tested next. */
void vmx_nmi_unblocked(struct cpu *cpu)
{
	vmx_set_control(cpu, CPU_NMI_WINDOW, false);
}
