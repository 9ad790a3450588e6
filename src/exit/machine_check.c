#include "exit/machine_check.h"
#include "exit/exception.h"
#include "exit/halt.h"
#include "hw/asm.h"
#include "hw/msr.h"
#include "hw/x86.h"
#include "trace/vector.h"
#include "vendor.h"

#define MCG_STATUS_RIPV 1 /* what was interrupted can go on: SDM vol. 3B 16.3.1.2, APM vol. 2 9.3.1.2 */

/*
 * The banks and MCG_STATUS stay as they are, for the guest's handler. With CR4.MCE clear a CPU shuts down (SDM vol. 3A 6.15, APM vol. 2
 * 8.2.17): then it is Trapline's to tell.
 */
bool machine_check_note(struct cpu *cpu)
{
	if (!cpu->vendor || !(rdmsr(MSR_MCG_STATUS) & MCG_STATUS_RIPV) ||
		!(vendor->get(cpu, GUEST_CR4) & CR4_MCE))
		return false;
	cpu_add_work(cpu, CPU_WORK_MC);
	return true;
}

/* Where another event goes in, the next interrupt exits at the latest. */
void machine_check_pass(struct cpu *cpu)
{
	if (vendor->injects(cpu)) {
		vendor->watch_interrupts(cpu, true);
		return;
	}
	cpu_end_work(cpu, CPU_WORK_MC);
	halt_over(cpu);
	cpu->exit.code_len = EXIT_CODE_UNREAD; /* RIP may be behind the instruction that exited */
	exception_raise(cpu, VEC_MC, 0);
}
