// SPDX-License-Identifier: MIT
/* The command slide. A debugger that has the kernel's symbols compares them with the addresses that this prints: tools/gdb/linux.py. */
#include "console/command.h"
#include "hw/msr.h"
#include "hw/x86.h"
#include "log/log.h"
#include "mem/guest_walk.h"
#include "report/guest_names.h"
#include "trace/gate.h"
#include "trace/vector.h"
#include "vendor.h"

/* The address that a gate of the interrupt table leads to; 0: none. */
static uint64_t handler_of(const struct cpu *cpu, unsigned vector)
{
	struct guest_paging paging;
	struct segment_state idt;
	uint8_t bytes[GATE_SIZE_MAX];
	struct gate_info g;

	vendor->state.paging(cpu, &paging);
	vendor->state.segment(cpu, SEG_IDTR, &idt);
	if ((vector + 1) * GATE_SIZE_MAX - 1 > idt.limit ||
		guest_read(&paging, idt.base + vector * GATE_SIZE_MAX, bytes, sizeof(bytes)) != sizeof(bytes))
		return 0;
	g = gate_decode(GATE_LONG, bytes);
	return gate_usable(GATE_LONG, &g) ? g.offset : 0;
}

const char *command_slide(struct command_call *call)
{
	struct cpu *cpu = call->cpu;
	char line[TRAP_LINE_MAX];
	uint64_t lstar = 0;

	if (!(vendor->state.get(cpu, GUEST_EFER) & EFER_LMA))
		return "the CPU is not in long mode";
	guest_names_search(cpu);
	for (unsigned n = 0; guest_names_slide(n, line, sizeof(line)); n++)
		if (line[0])
			log_reply("%s", line);
	guest_read_msr(cpu, MSR_LSTAR, &lstar);
	log_reply("slide cpu=%u lstar=0x%lx de=0x%lx pf=0x%lx", cpu->number, lstar, handler_of(cpu, VEC_DE),
		handler_of(cpu, VEC_PF));
	return NULL;
}
