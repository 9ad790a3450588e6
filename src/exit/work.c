// SPDX-License-Identifier: MIT
#include "exit/work.h"
#include "apic/flush.h"
#include "apic/pause.h"
#include "apic/park.h"
#include "cpu/machine_check.h"
#include "cpu/moment.h"
#include "cpu/registers.h"
#include "exit/capture.h"
#include "exit/exception.h"
#include "exit/freeze.h"
#include "exit/halt.h"
#include "exit/intercept.h"
#include "exit/longest.h"
#include "exit/init_sipi.h"
#include "exit/run.h"
#include "exit/watch_change.h"
#include "exit/watch_control.h"
#include "exit/watch_access.h"
#include "guest/insn.h"
#include "hw/x86.h"
#include "log/turn.h"
#include "stage2/stage2.h"
#include "report/fault.h"
#include "trace/vector.h"
#include "vendor.h"

/* Another NMI may come to the host at any point if the vendor cannot hold it back, so the bits are cleared first. */
static void pass_nmi(struct cpu *cpu)
{
	cpu_end_work(cpu, CPU_WORK_NMI);
	cpu->nmi_pending = false;
	if (vendor->events.inject_nmi(cpu)) {
		halt_over(cpu);
		return;
	}
	cpu->nmi_pending = true;
	cpu_add_work(cpu, CPU_WORK_NMI);
}

bool exit_note_machine_check(struct cpu *cpu)
{
	if (!cpu->vendor || !machine_check_is_guests(vendor->state.get(cpu, GUEST_CR4)))
		return false;
	cpu_add_work(cpu, CPU_WORK_MC);
	vendor->exits.watch(cpu, WATCH_ENTRY, true);
	return true;
}

/* Injects a machine check that came while the VMM ran (cpu/machine_check.h). If another event is injected first, the next interrupt exits. */
static void pass_machine_check(struct cpu *cpu)
{
	if (vendor->state.get(cpu, GUEST_EVENT)) {
		vendor->exits.watch(cpu, WATCH_INTERRUPTS, true);
		cpu->turn_watches = 0;
		return;
	}
	cpu_end_work(cpu, CPU_WORK_MC);
	/* it was cleared meanwhile: the guest has no handler */
	if (!(vendor->state.get(cpu, GUEST_CR4) & CR4_MCE))
		return;
	halt_over(cpu);
	cpu->exit.code_len = EXIT_CODE_UNREAD; /* RIP may be after the instruction that exited */
	exception_raise(cpu, VEC_MC, 0);
}

/*
 * Any exit may interrupt the delivery of an event (APM vol. 2 15.7.2, SDM vol. 3C 28.2.4), and the CPU does not repeat the delivery
 * by itself. Unless the handler has merged or replaced it, the event is injected again, before all events that wait.
 */
static void give_back(struct cpu *cpu)
{
	cpu_end_work(cpu, CPU_WORK_EVENT);
	vendor->events.inject(cpu, &cpu->exit.during, vendor->state.get(cpu, GUEST_CR2));
}

#define FROM_NMIS (CPU_WORK_KICK | CPU_WORK_NMI) /* commands of other CPUs, and the guest's own NMIs */

/* Handles those of these bits that NMIs have set. */
SLOW_PATH static void serve_nmi(struct cpu *cpu, uint32_t work)
{
	if (cpu->work & work & CPU_WORK_KICK) {
		init_sipi_serve(cpu);
		intercept_serve(cpu);
		freeze_serve(cpu);
		cpu_add_work(cpu, CPU_WORK_CONSOLE); /* a console command may wait for this CPU */
	}
	if (cpu->work & work & CPU_WORK_NMI)
		pass_nmi(cpu);
}

/* While the operator has stopped the guest, the CPU waits here, and carries out commands. */
static void wait_held(struct cpu *cpu)
{
	struct trap_record r;

	if (!pause_holds(cpu))
		return;
	watch_step_drop(cpu); /* the operator may change RIP; otherwise the instruction exits anew */
	insn_record(cpu, &r);
	cpu_registers(cpu, &cpu->registers);
	pause_arrive(cpu, &r);
	while (pause_holds(cpu) && !(cpu->work & CPU_WORK_CAPTURE)) {
		cpu_park_if_asked(cpu);
		intercept_serve(cpu);
		freeze_go_on(cpu);
		flush_serve(cpu);
		turn_serve(cpu);
		moment();
	}
	pause_leave(cpu);
}

static bool is_called(const struct cpu *cpu)
{
	return pause_holds(cpu) || atomic_load(&cpu->flush_due);
}

/* Whether there is work besides the console's. The vendor's own is not done here: on some CPUs every exit has it. */
static bool has_more_work(const struct cpu *cpu)
{
	return cpu->work & ~(CPU_WORK_CONSOLE | CPU_WORK_VENDOR | CPU_WORK_RELOAD);
}

/* The order of all work. `served`: the console has had its turn. */
static void do_in_order(struct cpu *cpu, bool served)
{
	uint32_t waits;

	if (cpu->work & CPU_WORK_STEP)
		run_step_over(cpu);
	if (cpu->work & CPU_WORK_EVENT)
		give_back(cpu);
	/* It runs without its intercept until the step over its watched access is over. */
	if ((cpu->work & (CPU_WORK_OPEN | CPU_WORK_STEP)) == CPU_WORK_OPEN)
		watch_open_close(cpu);
	if ((cpu->work & CPU_WORK_SCRATCH) && stage2_close_scratch(cpu))
		flush_changed(cpu);
	if (cpu->work & CPU_WORK_WATCH)
		watch_change_serve(cpu);
	if (cpu->work & FROM_NMIS)
		serve_nmi(cpu, FROM_NMIS);
	if (cpu->work & CPU_WORK_THAW)
		freeze_go_on(cpu);
	waits = cpu->work & CPU_WORK_NMI;
	if (cpu->work & CPU_WORK_CONSOLE && !served)
		turn_serve(cpu);
	wait_held(cpu);
	if (cpu->work & CPU_WORK_MC)
		pass_machine_check(cpu);
	/* It came while this waited for the console or the operator: cpu/moment.h. */
	if (cpu->work & FROM_NMIS & ~waits)
		serve_nmi(cpu, FROM_NMIS & ~waits);
	if (atomic_load(&cpu->flush_due)) /* this CPU got no kick while its APIC was off */
		flush_serve(cpu);
	if (flush_is_missed(cpu))
		fault_fatal(cpu, "second-level tables changed, and this CPU has not flushed");
	if (cpu->work & CPU_WORK_CAPTURE)
		capture_start(cpu);
	if (cpu->run.steps)
		run_ask(cpu);
	if (cpu->work & CPU_WORK_STEP)
		watch_step_begin(cpu);
}

SLOW_PATH static void do_work(struct cpu *cpu, bool served)
{
	do_in_order(cpu, served);
	exit_measure(cpu);
}

/* Work besides the step over a watched access and the console's turn; a debugger's step is that as well. */
static bool more_than_step(const struct cpu *cpu)
{
	return cpu->work & ~(CPU_WORK_STEP | CPU_WORK_VENDOR | CPU_WORK_RELOAD | CPU_WORK_CONSOLE) ||
	       cpu->run.steps || is_called(cpu);
}

/* The exits of such a step are frequent, and mostly have no other work. The console has its turn when the step is over. */
SLOW_PATH static void step(struct cpu *cpu)
{
	bool served;

	run_step_over(cpu);
	served = cpu->work & CPU_WORK_CONSOLE && !(cpu->work & CPU_WORK_STEP) && !more_than_step(cpu);
	if (served)
		turn_serve(cpu);
	if (more_than_step(cpu)) {
		do_work(cpu, served);
		return;
	}
	if (cpu->work & CPU_WORK_STEP)
		watch_step_begin(cpu);
	exit_measure(cpu);
}

/*
 * A CPU that is about to wait for its SIPI does so at once; other work is done later. The console's turn stands apart, because text that
 * waits for the UART takes an exit for each FIFO, mostly without other work.
 */
void exit_after_work(struct cpu *cpu)
{
	if (atomic_load(&cpu->waits_for_sipi))
		return;
	if (cpu->work & CPU_WORK_STEP && !more_than_step(cpu)) {
		step(cpu);
		return;
	}
	if (has_more_work(cpu)) {
		do_work(cpu, false);
		return;
	}
	if (cpu->work & CPU_WORK_CONSOLE)
		turn_serve(cpu);
	if (has_more_work(cpu) || is_called(cpu))
		do_work(cpu, true);
}
