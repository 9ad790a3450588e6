// SPDX-License-Identifier: MIT
/* The guest's state in the VMCB. */
#include "svm/svm_capture.h"
#include "exit/control_register.h"
#include "hw/x86.h"

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

/* Values that are not registers of the guest. */
static uint64_t get_other(const struct vmcb *v, enum guest_register r)
{
	switch (r) {
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

	if (r == GUEST_CODE_MODE) /* each store to the APIC needs it */
		return code_mode(&v->save);
	/*
	 * Most VMCALLs need it. The VMCB has its own field for the CPL, because after SYSCALL and SYSRET SS.DPL may differ from it (APM
	 * vol. 2 15.5.1).
	 */
	if (r == GUEST_CALLER)
		return code_mode(&v->save) | (unsigned)v->save.cpl << 8;
	return r < GUEST_EFER ? *register_at(&v->save, r) : get_other(v, r);
}

/* VMRUN loads the whole state (15.5.1). PDPTEs are read when they are used (15.25.10). */
SLOW_PATH static void set_control(struct cpu *cpu, enum guest_register r, uint64_t value)
{
	struct vmcb_save *s = &vmcb_of(cpu)->save;

	if (r == GUEST_CR3)
		value &= ~(1ull << 63); /* PCIDE: do not flush. More is flushed than has to be */
	*register_at(s, r) = value;
	s->efer = efer_with(s->efer, s->cr0);
	svm_stage2_flush(cpu);
}

SLOW_PATH static void set_table(struct vmcb_save *s, enum guest_register r, uint64_t value)
{
	struct vmcb_segment *table = r == GUEST_GDTR_BASE || r == GUEST_GDTR_LIMIT ? &s->gdtr : &s->idtr;

	if (r == GUEST_GDTR_BASE || r == GUEST_IDTR_BASE)
		table->base = value;
	else
		table->limit = (uint32_t)value;
}

void svm_set(struct cpu *cpu, enum guest_register r, uint64_t value)
{
	struct vmcb *v = vmcb_of(cpu);

	if (r == GUEST_CR0 || r == GUEST_CR3 || r == GUEST_CR4) {
		set_control(cpu, r, value);
		return;
	}
	if (r > GUEST_SHADOW) {
		set_table(&v->save, r, value);
		return;
	}
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
		.type = ATTRIB_TYPE(s->attrib),
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
	unsigned mode = code_mode(s);
	bool segmented =
		mode !=
		64; /* 64-bit code has neither bases nor SS.B, whatever the segments hold (APM vol. 2 4.8) */

	svm_capture_registers(r, cpu, s);
	r->rip = s->rip;
	r->cr2 = s->cr2;
	r->cs_base = segmented ? (uint32_t)s->cs.base : 0;
	r->ss_base = segmented ? (uint32_t)s->ss.base : 0;
	r->ds_base = segmented ? (uint32_t)s->ds.base : 0;
	r->es_base = segmented ? (uint32_t)s->es.base : 0;
	r->privilege = TRAP_PRIVILEGE(s->cpl, segmented && s->ss.attrib & ATTRIB_BIG);
	r->mode = (uint8_t)mode;
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
