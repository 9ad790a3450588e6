/* Second-level page faults: the guest went for the VMM's memory, or for an address that is not mapped yet. */
#include "apic/apic.h"
#include "console/console.h"
#include "console/fault.h"
#include "exit/dispatch.h"
#include "mem/stage2.h"
#include "vendor.h"

#define HIDDEN_REPORTS 16 /* per CPU; all are counted in bad_guest */

static const char *access_name(uint64_t qualifier)
{
	if (qualifier & STAGE2_WALK)
		return "page-table walk";
	return qualifier & STAGE2_WRITE ? "write" : qualifier & STAGE2_FETCH ? "fetch" : "read";
}

void exit_stage2(struct cpu *cpu)
{
	const struct exit *x = &cpu->exit;

	if (apic_stage2(cpu))
		return;
	if (stage2_is_hidden(x->address)) {
		if (cpu->stats.bad_guest++ < HIDDEN_REPORTS)
			console_log("trapline: guest %s to Trapline's memory cpu=%u gpa=0x%lx rip=0x%lx; it changes nothing",
				access_name(x->qualifier), cpu->number, x->address, vendor->get(cpu, GUEST_RIP));
		stage2_open_sink(cpu, x->address);
	} else if ((x->qualifier & (STAGE2_PRESENT | STAGE2_RESERVED)) || !stage2_map_late(x->address)) {
		fault_fatal(cpu, "second-level page fault: %s gpa=0x%lx qualifier=0x%lx", access_name(x->qualifier),
			x->address, x->qualifier);
	}
	/* It goes on where it was. What comes through the IDT is not repeated by running the guest's instruction again. */
	if (x->during.valid)
		vendor->inject(cpu, &x->during, vendor->get(cpu, GUEST_CR2));
}
