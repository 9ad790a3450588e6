// SPDX-License-Identifier: MIT
#include "apic/park.h"
#include "apic/apic.h"
#include "log/log.h"
#include "hw/asm.h"
#include "cpu/moment.h"
#include "cpu/registers.h"
#include "hw/lock.h"
#include "lib/printf.h"
#include "trace/cpu_list.h"
#include "vendor.h"

#define ANSWER_MS 100
#define WHO_MAX   128 /* a list of CPUs that is longer is cut */

/* Values of cpu->kicked. */
enum {
	KICK_NONE,
	KICK_SENDING, /* a CPU is about to send the NMI */
	KICK_SENT
};

static struct lock stopper = LOCK_FREE; /* held by the CPU that stops the others, for good */

/*
 * The flag merges kicks. A kick that arrives while a guest's NMI is pending merges with it and
 * hides it. That is acceptable: before an INIT the NMI would be lost anyway. A CPU that waits for
 * a SIPI does not take NMIs; it checks its work itself when its SIPI has come.
 */
void cpu_kick(struct cpu *cpu)
{
	uint8_t none = KICK_NONE, sending = KICK_SENDING;

	if (!cpu_takes_nmis(cpu) || !atomic_compare_exchange_strong(&cpu->kicked, &none, KICK_SENDING))
		return;
	atomic_compare_exchange_strong(
		&cpu->kicked, &sending, apic_send_nmi(cpu->number) ? KICK_SENT : KICK_NONE);
}

/*
 * A kick that came before is taken here. One that was sent after the APIC was off is lost, and no CPU sends another. This waits for a
 * CPU that saw the APIC on and is about to send, because its NMI would otherwise count as the guest's.
 */
void cpu_end_kick(struct cpu *cpu)
{
	uint64_t since = rdtsc();

	do
		moment();
	while (atomic_load(&cpu->kicked) == KICK_SENDING && rdtsc() - since < boot_info.tsc_khz * ANSWER_MS);
	atomic_store(&cpu->kicked, KICK_NONE);
}

void cpu_kick_others(const struct cpu *self)
{
	for_each_cpu (c)
		if (c != self)
			cpu_kick(c);
}

/* The firmware's SMM handlers still wait for this CPU, so SMIs stay enabled. */
void cpu_park(void)
{
	moment_open();
	for (;;)
		__asm__ volatile("cli; hlt");
}

__attribute__((noreturn)) static void stop_here(struct cpu *cpu)
{
	struct stopped *s = &cpu->stopped;

	vendor->state.capture(cpu, &s->at);
	cpu_registers(cpu, &cpu->registers);
	s->reason = cpu->exit.reason;
	atomic_store(&cpu->paused, false); /* it carries out no more commands */
	atomic_store(&s->is, true);
	cpu_park();
}

void cpu_note_nmi(struct cpu *cpu)
{
	if (atomic_exchange(&cpu->kicked, KICK_NONE) != KICK_NONE || lock_holder(&stopper) != LOCK_NOBODY) {
		cpu_add_work(cpu, CPU_WORK_KICK);
		return;
	}
	cpu->nmi_pending = true;
	cpu_add_work(cpu, CPU_WORK_NMI);
}

/* This CPU as the lock's holder. */
static uint32_t name_of(const struct cpu *cpu)
{
	return cpu->number + 1;
}

bool cpu_is_to_park(const struct cpu *cpu)
{
	uint32_t holder = lock_holder(&stopper);

	return holder != LOCK_NOBODY && holder != name_of(cpu);
}

/* Not in the handler of the NMI, because this CPU may then hold the console's lock. */
void cpu_park_if_asked(struct cpu *cpu)
{
	if (cpu_is_to_park(cpu))
		stop_here(cpu);
}

static bool all_stopped(const struct cpu *self)
{
	for_each_cpu (c)
		if (c != self && !atomic_load(&c->stopped.is) && cpu_takes_nmis(c))
			return false;
	return true;
}

void cpus_park(void)
{
	uint32_t holder;
	struct cpu *self = cpu_of_stack((uint64_t)&holder);
	uint64_t since;

	if (atomic_load(&cpus_active) < 2)
		return;
	holder = lock_claim(&stopper, name_of(self));
	if (holder != LOCK_NOBODY) {
		if (holder != name_of(self))
			stop_here(self);
		return;
	}
	for_each_cpu (c)
		if (c != self && cpu_takes_nmis(c))
			apic_send_nmi(c->number);
	since = rdtsc();
	while (!all_stopped(self) && rdtsc() - since < boot_info.tsc_khz * ANSWER_MS)
		moment();
}

static const char *why_not_stopped(const struct cpu *cpu)
{
	if (!atomic_load(&cpu->beneath))
		return "was not beneath the guest yet";
	return atomic_load(&cpu->waits_for_sipi) ? "waits for a SIPI"
						 : "did not stop: it is in the VMM, or waits for a SIPI";
}

static bool stopped_alike(uint32_t a, uint32_t b)
{
	const struct stopped *x = &cpus[a]->stopped, *y = &cpus[b]->stopped;

	if (lock_holder(&stopper) == name_of(cpus[b]) || atomic_load(&x->is) != atomic_load(&y->is))
		return false;
	if (!atomic_load(&x->is))
		return why_not_stopped(cpus[a]) == why_not_stopped(cpus[b]);
	return x->reason == y->reason && x->at.cs == y->at.cs && x->at.rip == y->at.rip;
}

/* For several CPUs, only the part that they have in common. */
static void report_stopped(const struct cpu *c, const struct cpu_set *like)
{
	const struct stopped *s = &c->stopped;
	bool one = cpu_set_from(like, c->number + 1) == CPU_SET_NONE;
	char who[WHO_MAX], rest[WHO_MAX] = "";
	struct text t = text_on(who, sizeof(who));

	cpu_list_add(&t, like);
	if (!atomic_load(&s->is)) {
		log_print("trapline: %s %s", who, why_not_stopped(c));
		return;
	}
	if (one)
		snprintf(rest, sizeof(rest), " rsp=%016lx cr3=%016lx", s->at.gpr[TRAP_RSP], s->at.cr3);
	log_print("trapline: stopped %s exit=0x%lx (%s) cs=%04x rip=%016lx%s", who, s->reason,
		vendor->exits.name(s->reason), s->at.cs, s->at.rip, rest);
}

void cpus_report(void)
{
	struct cpu_set told = {0}, like;

	for_each_cpu (c) {
		if (lock_holder(&stopper) == LOCK_NOBODY || lock_holder(&stopper) == name_of(c) ||
			cpu_set_has(&told, c->number))
			continue;
		like = cpu_list_take(&told, boot_info.cpus, c->number, stopped_alike);
		report_stopped(c, &like);
	}
}
