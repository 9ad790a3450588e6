// SPDX-License-Identifier: MIT
#include "cpu/registers.h"
#include "cpu/system_registers.h"
#include "hw/msr.h"
#include "hw/x86.h"
#include "lib/string.h"
#include "vendor.h"

static const enum segment order[CORE_SEGMENTS] = {
	[CORE_CS] = SEG_CS,
	[CORE_DS] = SEG_DS,
	[CORE_ES] = SEG_ES,
	[CORE_FS] = SEG_FS,
	[CORE_GS] = SEG_GS,
	[CORE_SS] = SEG_SS,
	[CORE_LDTR] = SEG_LDTR,
	[CORE_TR] = SEG_TR,
	[CORE_GDTR] = SEG_GDTR,
	[CORE_IDTR] = SEG_IDTR,
};

/* The second word of a descriptor (SDM vol. 3A figure 3-8), without base and limit. Bit 12: a segment of code or data. */
static uint32_t flags_of(const struct segment_state *s, bool system)
{
	return (uint32_t)s->type << 8 | (system ? 0 : 1u << 12) | (uint32_t)s->dpl << 13 |
	       (uint32_t)s->present << 15 | (uint32_t)s->long_mode << 21 | (uint32_t)s->big << 22;
}

static void read_segments(const struct cpu *cpu, struct core_registers *r)
{
	for (unsigned i = 0; i < CORE_SEGMENTS; i++) {
		struct segment_state s = {0};

		vendor->state.segment(cpu, order[i], &s);
		r->segment[i] = (struct core_segment_state){.selector = s.selector,
			.limit = s.limit,
			.flags = flags_of(&s, i >= CORE_LDTR),
			.base = s.base};
	}
}

static uint64_t read_kernel_gs(struct cpu *cpu)
{
	uint64_t value = 0;

	if (vendor->exits.msr(cpu, MSR_KERNEL_GS_BASE, false, &value) != MSR_DONE)
		rdmsr_safe(MSR_KERNEL_GS_BASE, &value);
	return value;
}

void cpu_registers(struct cpu *cpu, struct core_registers *r)
{
	memset(r, 0, sizeof(*r));
	memcpy(r->gpr, cpu->gpr, sizeof(r->gpr));
	r->gpr[TRAP_RSP] = vendor->state.get(cpu, GUEST_RSP);
	r->rip = vendor->state.get(cpu, GUEST_RIP);
	r->rflags = vendor->state.get(cpu, GUEST_RFLAGS);
	r->cr0 = vendor->state.get(cpu, GUEST_CR0);
	r->cr2 = vendor->state.get(cpu, GUEST_CR2);
	r->cr3 = vendor->state.get(cpu, GUEST_CR3);
	r->cr4 = vendor->state.get(cpu, GUEST_CR4);
	r->efer = vendor->state.get(cpu, GUEST_EFER);
	if (r->efer & EFER_LMA) /* only 64-bit code can use it */
		r->kernel_gs_base = read_kernel_gs(cpu);
	read_segments(cpu, r);
	system_registers(cpu, r->system);
	vector_save(&r->vectors);
}
