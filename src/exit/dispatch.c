#include "exit/dispatch.h"
#include "exit/start.h"
#include "report/fault.h"
#include "apic/flush.h"
#include "log/log.h"
#include "log/turn.h"
#include "apic/hold.h"
#include "apic/flush.h"
#include "exit/exception.h"
#include "exit/freeze.h"
#include "exit/halt.h"
#include "exit/intercept.h"
#include "exit/test_faults.h"
#include "mem/stage2.h"
#include "trace/vector.h"
#include "vendor.h"

#define UNKNOWN_REPORTS 16 /* per CPU; the rest is counted in its statistics */

/* An exit that nobody asked for: said, and the instruction refused. The guest goes on, or dies of its #UD. */
static void exit_unknown(struct cpu *cpu)
{
	if (cpu->stats.exits[EXIT_UNKNOWN] <= UNKNOWN_REPORTS)
		console_log("trapline: unknown exit cpu=%u reason=0x%lx (%s) rip=0x%lx; the guest gets #UD",
			cpu->number, cpu->exit.reason, vendor->exit_name(cpu->exit.reason),
			vendor->get(cpu, GUEST_RIP));
	exception_raise(cpu, VEC_UD, 0);
}

/* What only one vendor has. */
static void exit_own(struct cpu *cpu)
{
	vendor->own_exit(cpu);
}

void (*const exit_handlers[EXIT_KIND_COUNT])(struct cpu *) = {
	[EXIT_UNKNOWN] = exit_unknown,
	[EXIT_EXCEPTION] = exit_exception,
	[EXIT_INTERRUPT] = exit_interrupt,
	[EXIT_NMI] = exit_nmi,
	[EXIT_IRET] = exit_iret,
	[EXIT_NMI_WINDOW] = exit_iret,
	[EXIT_INTERRUPT_WINDOW] = exit_interrupt,
	[EXIT_CPUID] = exit_cpuid,
	[EXIT_RDMSR] = exit_rdmsr,
	[EXIT_WRMSR] = exit_wrmsr,
	[EXIT_XSETBV] = exit_xsetbv,
	[EXIT_INVD] = exit_invd,
	[EXIT_IO] = exit_io,
#ifdef TRAPLINE_TEST
	[EXIT_VMCALL] = exit_test_vmcall,
#else
	[EXIT_VMCALL] = exit_vmcall,
#endif
	[EXIT_VIRTUALIZATION] = exit_virtualization,
	[EXIT_CONTROL_REGISTER] = exit_own,
	[EXIT_X87] = exit_own,
	[EXIT_TASK_SWITCH] = exit_own,
	[EXIT_STAGE2] = exit_stage2,
	[EXIT_INIT] = exit_init,
	[EXIT_SIPI] = exit_sipi,
	[EXIT_SHUTDOWN] = exit_shutdown,
	[EXIT_TIMER] = exit_own,
	[EXIT_HLT] = exit_own,
	[EXIT_UNREAD] = exit_own,
};

#define X(name, text, meaning) [name] = text,
static const char *const kind_names[EXIT_KIND_COUNT] = {EXIT_KINDS(X)};
#undef X

const char *exit_kind_name(enum exit_kind kind)
{
	return kind_names[kind];
}

/* Another one may come to the host at any point where the vendor cannot hold it back: marks go first. */
static void pass_nmi(struct cpu *cpu)
{
	cpu_end_work(cpu, CPU_WORK_NMI);
	cpu->nmi_pending = false;
	if (vendor->inject_nmi(cpu)) {
		halt_over(cpu);
		return;
	}
	cpu->nmi_pending = true;
	cpu_add_work(cpu, CPU_WORK_NMI);
}

/* One of the VMM's time (cpu/machine_check.h). Where another event goes in, the next interrupt exits at the latest. */
static void pass_machine_check(struct cpu *cpu)
{
	if (vendor->has_event(cpu)) {
		vendor->watch_interrupts(cpu, true);
		return;
	}
	cpu_end_work(cpu, CPU_WORK_MC);
	halt_over(cpu);
	cpu->exit.code_len = EXIT_CODE_UNREAD; /* RIP may be behind the instruction that exited */
	exception_raise(cpu, VEC_MC, 0);
}

/*
 * Any exit may interrupt the delivery of an event (APM vol. 2 15.7.2, SDM vol. 3C 28.2.4), and the CPU does not come back to it
 * by itself. Where the handler has not merged it with another or replaced it, it goes in as it was, before all that waits.
 */
static void give_back(struct cpu *cpu)
{
	cpu_end_work(cpu, CPU_WORK_EVENT);
	vendor->inject(cpu, &cpu->exit.during, vendor->get(cpu, GUEST_CR2));
}

/* What NMIs have brought, of these two: another CPU's word, and the guest's own. */
static void serve_nmi(struct cpu *cpu, uint32_t work)
{
	if (cpu->work & work & CPU_WORK_KICK) {
		start_serve(cpu);
		intercept_serve(cpu);
		freeze_serve(cpu);
		cpu_add_work(cpu, CPU_WORK_CONSOLE); /* it may be a command that waits for this CPU */
	}
	if (cpu->work & work & CPU_WORK_NMI)
		pass_nmi(cpu);
}

/* A CPU that is about to wait for its SIPI has no time for anything else: what is to be done waits for it. */
void exit_look_after(struct cpu *cpu)
{
	uint32_t waits;

	if (atomic_load(&cpu->parked))
		return;
	if (cpu->work & CPU_WORK_EVENT)
		give_back(cpu);
	if ((cpu->work & CPU_WORK_SINK) && stage2_close_sink(cpu))
		flush_changed(cpu);
	serve_nmi(cpu, ~0u);
	waits = cpu->work & CPU_WORK_NMI;
	if (cpu->work & CPU_WORK_CONSOLE)
		console_serve(cpu);
	hold_serve(cpu);
	if (cpu->work & CPU_WORK_MC)
		pass_machine_check(cpu);
	serve_nmi(cpu, ~waits); /* that came while the console or the operator was waited for: cpu/moment.h */
	if (flush_is_missed(cpu))
		fault_fatal(cpu, "second-level tables changed, and this CPU has not flushed");
}
