/* The guest's state in the VMCB: the first one, taken from the running firmware, and every later look at it.
 */
#include "svm/svm.h"
#include "hw/x86.h"
#include "hw/asm.h"
#include "hw/msr.h"
#include "hw/probe.h"
#include "lib/string.h"
#include "trace/vector.h"

#define EFER_VISIBLE(v) ((v) & ~EFER_SVME)

static unsigned code_mode(const struct vmcb_save *s)
{
	if ((s->efer & EFER_LMA) && (s->cs.attrib & ATTRIB_LONG))
		return 64;
	return s->cs.attrib & ATTRIB_BIG ? 32 : 16;
}

static uint64_t *register_at(struct vmcb_save *s, enum guest_register r)
{
	static const uint16_t offsets[] = {
		[GUEST_RIP] = offsetof(struct vmcb_save, rip),
		[GUEST_RSP] = offsetof(struct vmcb_save, rsp),
		[GUEST_RFLAGS] = offsetof(struct vmcb_save, rflags),
		[GUEST_CR0] = offsetof(struct vmcb_save, cr0),
		[GUEST_CR2] = offsetof(struct vmcb_save, cr2),
		[GUEST_CR3] = offsetof(struct vmcb_save, cr3),
		[GUEST_CR4] = offsetof(struct vmcb_save, cr4),
		[GUEST_DR6] = offsetof(struct vmcb_save, dr6),
		[GUEST_DR7] = offsetof(struct vmcb_save, dr7),
	};
	return (uint64_t *)((char *)s + offsets[r]);
}

/* Its CPL is the VMCB's own: after SYSCALL and SYSRET SS.DPL need not say it (APM vol. 2 15.5.1). */
static uint64_t get_other(const struct vmcb *v, enum guest_register r)
{
	switch (r) {
	case GUEST_CODE_MODE:
		return code_mode(&v->save);
	case GUEST_CPL:
		return v->save.cpl;
	case GUEST_EVENT:
		return v->control.eventinj & SVM_EVENT_V;
	case GUEST_IO_LENGTH:
		return v->control.exitinfo2 - v->save.rip; /* the next RIP, on every CPU (15.10.2) */
	case GUEST_SHADOW:
		return v->control.interrupt_shadow;
	default:
		return EFER_VISIBLE(v->save.efer);
	}
}

uint64_t svm_get(const struct cpu *cpu, enum guest_register r)
{
	struct vmcb *v = vmcb_of(cpu);

	return r < GUEST_EFER ? *register_at(&v->save, r) : get_other(v, r);
}

void svm_set(struct cpu *cpu, enum guest_register r, uint64_t value)
{
	struct vmcb *v = vmcb_of(cpu);

	if (r == GUEST_SHADOW)
		v->control.interrupt_shadow = value;
	else if (r == GUEST_EFER)
		v->save.efer = value | EFER_SVME;
	else
		*register_at(&v->save, r) = value;
}

static const struct vmcb_segment *segment_at(const struct vmcb_save *s, enum segment n)
{
	const struct vmcb_segment *const all[] = {
		[SEG_ES] = &s->es,
		[SEG_CS] = &s->cs,
		[SEG_SS] = &s->ss,
		[SEG_DS] = &s->ds,
		[SEG_FS] = &s->fs,
		[SEG_GS] = &s->gs,
		[SEG_LDTR] = &s->ldtr,
		[SEG_TR] = &s->tr,
		[SEG_GDTR] = &s->gdtr,
		[SEG_IDTR] = &s->idtr,
	};
	return all[n];
}

void svm_segment(const struct cpu *cpu, enum segment n, struct segment_state *out)
{
	const struct vmcb_segment *s = segment_at(&vmcb_of(cpu)->save, n);

	*out = (struct segment_state){
		.selector = s->selector,
		.dpl = ATTRIB_DPL(s->attrib),
		.present = s->attrib & ATTRIB_PRESENT,
		.long_mode = s->attrib & ATTRIB_LONG,
		.big = s->attrib & ATTRIB_BIG,
		.limit = s->limit,
		.base = s->base,
	};
}

void svm_paging(const struct cpu *cpu, struct guest_paging *out)
{
	const struct vmcb_save *s = &vmcb_of(cpu)->save;

	*out = (struct guest_paging){.cr0 = s->cr0, .cr3 = s->cr3, .cr4 = s->cr4, .efer = s->efer};
}

void svm_capture(struct cpu *cpu, struct trap_record *r)
{
	const struct vmcb_save *s = &vmcb_of(cpu)->save;

#pragma GCC unroll 16
	for (unsigned i = 0; i < TRAP_GPRS; i++)
		r->gpr[i] = cpu->gpr[i];
	r->gpr[TRAP_RSP] = s->rsp;
	r->rip = s->rip;
	r->cr2 = s->cr2;
	r->cr3 = s->cr3;
	r->fs_base = s->fs.base;
	r->gs_base = s->gs.base;
	r->cs_base = (uint32_t)s->cs.base;
	r->ss_base = (uint32_t)s->ss.base;
	r->ds_base = (uint32_t)s->ds.base;
	r->es_base = (uint32_t)s->es.base;
	r->cr0 = (uint32_t)s->cr0;
	r->cr4 = (uint32_t)s->cr4;
	r->efer = (uint32_t)EFER_VISIBLE(s->efer);
	r->rflags = (uint32_t)s->rflags;
	r->dr6 = (uint32_t)s->dr6;
	r->cs = s->cs.selector;
	r->privilege = TRAP_PRIVILEGE(s->cpl, !!(s->ss.attrib & ATTRIB_BIG));
	r->mode = (uint8_t)code_mode(s);
}

unsigned svm_code_mode(const struct cpu *cpu)
{
	return code_mode(&vmcb_of(cpu)->save);
}

unsigned svm_fetch(struct cpu *cpu, uint8_t *code)
{
	const struct vmcb_save *s = &vmcb_of(cpu)->save;
	struct guest_paging paging;

	if (code_mode(s) == 64 && code_page_fetch(&cpu->code_page, s->cr3, s->cr4, s->rip, code))
		return TRAP_CODE_MAX;
	svm_paging(cpu, &paging);
	return guest_fetch(
		&paging, s->cs.base + s->rip, &cpu->code_page, code); /* CS.base is 0 in 64-bit mode */
}

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

/* The guest goes on as the firmware's CPU stands, at the loader's resume point, with 0 in RAX. */
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

#define X(code, name, kind)                                                                                  \
	case code:                                                                                           \
		return #name;
const char *svm_exit_name(uint64_t reason)
{
	if (reason - SVM_EXIT_EXCEPTION < 32)
		return vector_name((unsigned)(reason - SVM_EXIT_EXCEPTION));
	switch (reason) {
		SVM_EXITS(X)
		X(SVM_EXIT_NPF, NPF, EXIT_STAGE2)
		X(SVM_EXIT_INVALID, INVALID, EXIT_UNKNOWN)
	default:
		return "not in the list";
	}
}
#undef X
