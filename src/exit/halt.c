#include "exit/halt.h"
#include "console/console.h"
#include "report/report.h"
#include "report/story.h"
#include "vendor.h"

static bool told;
static unsigned reports;

void halt_tell(struct cpu *cpu, uint64_t next)
{
	struct segment_state cs;

	if (cpu->number || told || reports == HALT_REPORTS)
		return;
	told = true;
	reports++;
	vendor->segment(cpu, SEG_CS, &cs);
	console_log(
		"trapline: halted cpu=%u next=0x%x:0x%lx why=\"interrupts are off: only an NMI, an INIT or "
		"a reset ends it\"",
		cpu->number, cs.selector, next);
	report_begin();
	story_tell(cpu, "it halted with interrupts off", true, HALT_SECONDS);
	report_end();
}

void halt_apic_off(struct cpu *cpu)
{
	static unsigned times;

	if (cpu->number || times == HALT_REPORTS)
		return;
	times++;
	report_begin();
	story_tell(cpu, "it turned its local APIC off, as a panic, a shutdown or a kexec does", false,
		HALT_SECONDS);
	report_end();
}

void halt_over(struct cpu *cpu)
{
	if (cpu->number || !told)
		return;
	told = false;
	console_log("trapline: awake cpu=%u", cpu->number);
}
