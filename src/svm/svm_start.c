// SPDX-License-Identifier: MIT
/* The first state of the guest, taken from the running firmware. */
#include "hw/asm.h"
#include "hw/msr.h"
#include "hw/probe.h"
#include "hw/x86.h"
#include "lib/string.h"
#include "svm/svm.h"

/* A segment register of the running firmware, from its descriptor (APM vol. 2 4.7 and 4.8). */
static struct vmcb_segment read_segment(uint16_t selector, const struct descriptor_table *gdt)
{
	struct vmcb_segment s = {.selector = selector};
	uint64_t d;
	uint32_t limit;

	if (!(selector & ~7u) || (selector | 7u) > gdt->limit || (selector & 4))
		return s;
	memcpy(&d, (const char *)gdt->base + (selector & ~7u), sizeof(d));
	s.attrib = (uint16_t)((d >> 40 & 0xff) | (d >> 52 & 0xf) << 8);
	limit = (uint32_t)((d & 0xffff) | (d >> 32 & 0xf0000));
	s.limit = d & 1ull << 55 ? limit << 12 | 0xfff : limit;
	s.base = (d >> 16 & 0xffffff) | (d >> 56 & 0xff) << 24;
	return s;
}

static void load_tables(struct vmcb_save *s)
{
	struct descriptor_table gdt = sgdt(), idt = sidt();

	s->gdtr.limit = gdt.limit;
	s->gdtr.base = gdt.base;
	s->idtr.limit = idt.limit;
	s->idtr.base = idt.base;
	s->es = read_segment(read_es(), &gdt);
	s->cs = read_segment(read_cs(), &gdt);
	s->ss = read_segment(read_ss(), &gdt);
	s->ds = read_segment(read_ds(), &gdt);
}

/* The guest starts in the firmware's state, at the loader's resume point, with 0 in RAX. */
const char *svm_load_guest(struct cpu *cpu, const struct boot_launch *launch)
{
	struct vmcb_save *s = &vmcb_of(cpu)->save;

	load_tables(s);
	if (!(s->cs.attrib & ATTRIB_LONG))
		return "the firmware's code segment is not in its GDT";
	s->cr0 = read_cr0();
	s->cr2 = read_cr2();
	s->cr3 = launch->cr3;
	s->cr4 = read_cr4();
	s->efer = launch->efer | EFER_SVME;
	s->dr6 = read_dr6();
	s->dr7 = read_dr7();
	s->rflags = launch->rflags & ~RFLAGS_IF; /* the loader's resume point sets IF when it is ready */
	s->rip = launch->rip;
	s->rsp = launch->rsp;
	s->g_pat = probe_need(MSR_PAT);
	s->cpl = 0;
	return probe_missing();
}
