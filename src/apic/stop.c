#include "apic/stop.h"
#include "apic/apic.h"
#include "console/console.h"
#include "report/fault.h"
#include "hw/asm.h"
#include "exit/dispatch.h"

#define ANSWER_MS 100
#define NOBODY    0

static _Atomic uint32_t stopper = NOBODY; /* the number of the CPU that stops the others, plus 1 */
static struct stopped {
	_Atomic bool is;
	uint64_t reason;       /* of its last exit */
	struct trap_record at; /* the guest's registers */
} stopped[BOOT_MAX_CPUS];

/*
 * Kicks merge with each other, by the flag. One that merges with an NMI of the guest's that is pending at
 * that moment hides it; kicks lead to INIT, before which an NMI is lost anyway, or wake a CPU that waits for
 * a SIPI. A parked CPU looks by itself when its SIPI has come: it would not take the NMI before.
 */
void cpu_kick(struct cpu *cpu)
{
	if (atomic_load(&cpu->parked))
		return;
	if (!atomic_exchange(&cpu->kicked, true) && !apic_send_nmi(cpu->number))
		atomic_store(&cpu->kicked, false);
}

__attribute__((noreturn)) static void stop_here(struct cpu *cpu)
{
	struct stopped *s = &stopped[cpu->number];

	vendor->capture(cpu, &s->at);
	s->reason = cpu->exit.reason;
	atomic_store(&s->is, true);
	fault_stop();
}

void cpu_note_nmi(struct cpu *cpu)
{
	if (atomic_exchange(&cpu->kicked, false) || atomic_load(&stopper) != NOBODY) {
		cpu_add_work(cpu, CPU_WORK_KICK);
		return;
	}
	cpu->nmi_pending = true;
	cpu_add_work(cpu, CPU_WORK_NMI);
}

/* Not in the handler of the NMI: there the CPU may hold the console. */
void cpu_stop_if_asked(struct cpu *cpu)
{
	if (atomic_load(&stopper) != NOBODY)
		stop_here(cpu);
}

static bool is_other(unsigned number, const struct cpu *self)
{
	return cpus[number] && cpus[number] != self;
}

static bool all_stopped(const struct cpu *self)
{
	for (unsigned n = 0; n < BOOT_MAX_CPUS; n++)
		if (is_other(n, self) && !atomic_load(&stopped[n].is) && !atomic_load(&cpus[n]->parked))
			return false;
	return true;
}

void cpus_stop(void)
{
	uint32_t nobody = NOBODY;
	struct cpu *self = cpu_of_stack((uint64_t)&nobody);
	uint64_t since;

	if (atomic_load(&cpus_active) < 2)
		return;
	if (!atomic_compare_exchange_strong(&stopper, &nobody, self->number + 1)) {
		if (nobody != self->number + 1)
			stop_here(self);
		return;
	}
	for (unsigned n = 0; n < BOOT_MAX_CPUS; n++)
		if (is_other(n, self))
			apic_send_nmi(n);
	since = rdtsc();
	while (!all_stopped(self) && rdtsc() - since < boot_info.tsc_khz * ANSWER_MS)
		cpu_pause();
}

void cpus_report(void)
{
	for (unsigned n = 0; n < BOOT_MAX_CPUS; n++) {
		const struct stopped *s = &stopped[n];

		if (!cpus[n] || atomic_load(&stopper) == NOBODY || n + 1 == atomic_load(&stopper))
			continue;
		if (!atomic_load(&s->is)) {
			console_print("trapline: cpu=%u %s", n,
				atomic_load(&cpus[n]->parked)
					? "waits for a SIPI"
					: "did not stop: it is in the VMM, or waits for a SIPI");
			continue;
		}
		console_print(
			"trapline: stopped cpu=%u exit=0x%lx (%s) cs=%04x rip=%016lx rsp=%016lx cr3=%016lx",
			n, s->reason, vendor->exit_name(s->reason), s->at.cs, s->at.rip, s->at.gpr[TRAP_RSP],
			s->at.cr3);
	}
}
