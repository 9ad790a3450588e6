// SPDX-License-Identifier: MIT
#include "exit/halt.h"
#include "lib/printf.h"
#include "log/log.h"
#include "report/report.h"
#include "report/story.h"
#include "vendor.h"

#define PANIC_SECONDS 5        /* a panic turns the APIC off at once, right after its messages */
#define NEAR          0x10000u /* bytes between the code for the APIC's switching off and on in one kernel */

static bool reported;
static unsigned reports;

void halt_tell(struct cpu *cpu, uint64_t next)
{
	struct segment_state cs;

	if (cpu->number || reported || reports == HALT_REPORTS)
		return;
	reported = true;
	reports++;
	vendor->state.segment(cpu, SEG_CS, &cs);
	log_line("trapline: halted cpu=%u next=0x%x:0x%lx why=\"interrupts are off: only an NMI, an INIT or "
		 "a reset ends it\"",
		cpu->number, cs.selector, next);
	report_begin();
	story_tell(cpu, "it halted with interrupts off", true, HALT_SECONDS);
	report_end();
}

/* When the boot CPU's local APIC went off, and by which code; 0: it is on, or there was no story about it. */
static struct {
	uint64_t at, rip;
} off;

static const char *looks_like(void)
{
	if (story_is_dying(PANIC_SECONDS))
		return "the guest said that it is dying";
	return story_has(false, PANIC_SECONDS) ? "so soon after it this looks like a panic"
					       : "as a shutdown, a reboot or a kexec does";
}

void halt_apic_off(struct cpu *cpu, const char *how)
{
	static unsigned times;
	char end[128];

	off.at = 0;
	if (times == HALT_REPORTS)
		return;
	times++;
	report_begin();
	snprintf(end, sizeof(end), "it turned its local APIC off (%s): %s", how, looks_like());
	if (story_tell(cpu, end, false, HALT_SECONDS)) {
		off.at = rdtsc();
		off.rip = vendor->state.get(cpu, GUEST_RIP);
	}
	report_end();
}

void halt_apic_on(struct cpu *cpu)
{
	uint64_t ms = boot_info.tsc_khz ? (rdtsc() - off.at) / boot_info.tsc_khz : 0;
	uint64_t rip = vendor->state.get(cpu, GUEST_RIP);

	if (!off.at)
		return;
	off.at = 0;
	log_line("trapline: local APIC on again cpu=%u rip=0x%lx after_ms=%lu why=\"%s\"", cpu->number, rip,
		ms,
		rip - off.rip + NEAR < 2 * NEAR
			? "the same code turned it on: the kernel continues"
			: "other code turned it on: another kernel, as after a kexec, or one that woke up");
}

void halt_over(struct cpu *cpu)
{
	if (cpu->number || !reported)
		return;
	reported = false;
	log_line("trapline: awake cpu=%u", cpu->number);
}
