// SPDX-License-Identifier: MIT
/* The command slide. A debugger that has the kernel's symbols compares them with the addresses that this prints: tools/gdb/linux.py. */
#include "console/command.h"
#include "hw/msr.h"
#include "hw/x86.h"
#include "log/log.h"
#include "report/guest_gate.h"
#include "report/guest_names.h"
#include "trace/vector.h"
#include "vendor.h"

const char *command_slide(struct command_call *call)
{
	struct cpu *cpu = call->cpu;
	struct guest_paging paging;
	struct segment_state idt;
	char line[TRAP_LINE_MAX];
	uint64_t lstar = 0;

	if (!(vendor->state.get(cpu, GUEST_EFER) & EFER_LMA))
		return "the CPU is not in long mode";
	guest_names_search(cpu);
	for (unsigned n = 0; guest_names_slide(n, line, sizeof(line)); n++)
		if (line[0])
			log_reply("%s", line);
	guest_read_msr(cpu, MSR_LSTAR, &lstar);
	vendor->state.paging(cpu, &paging);
	vendor->state.segment(cpu, SEG_IDTR, &idt);
	log_reply("slide cpu=%u lstar=0x%lx de=0x%lx pf=0x%lx", cpu->number, lstar,
		guest_gate_handler(&paging, &idt, VEC_DE), guest_gate_handler(&paging, &idt, VEC_PF));
	return NULL;
}
