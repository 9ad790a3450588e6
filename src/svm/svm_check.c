#include "svm/svm_check.h"
#include <stdbool.h>
#include <trapline/record.h>
#include "mem/memory_type.h"

#define CR0_PE        (1ull << 0)
#define CR0_NW        (1ull << 29)
#define CR0_CD        (1ull << 30)
#define CR0_PG        (1ull << 31)
#define CR4_PAE       (1ull << 5)
#define CR4_RESERVED  0xffffffffff08e000ull /* 3.1.3: what no CPU defines */
#define EFER_LME      (1ull << 8)
#define EFER_SVME     (1ull << 12)
#define EFER_RESERVED 0xffffffffffc902feull /* 3.1.7: likewise */
#define MSRPM_SIZE    0x2000
#define IOPM_SIZE     0x3000
#define VECTOR_NMI    2
#define VECTORS       32

static unsigned expect(const struct svm_check *c, bool ok, const char *field, uint64_t value, const char *why)
{
	if (!ok)
		c->fail(field, value, why);
	return !ok;
}

/* 15.5.1, "Canonicalization and Consistency Checks" */
static unsigned check_registers(const struct svm_check *c)
{
	const struct vmcb_save *s = &c->vmcb->save;
	unsigned n = 0;

	n += expect(c, s->efer & EFER_SVME, "efer", s->efer, "has SVME clear");
	n += expect(c, !(s->efer & EFER_RESERVED), "efer", s->efer, "has reserved bits");
	n += expect(c, (s->cr0 & CR0_CD) || !(s->cr0 & CR0_NW), "cr0", s->cr0, "has NW without CD");
	n += expect(c, !(s->cr0 >> 32), "cr0", s->cr0, "has a high half");
	n += expect(c, !(s->cr3 >> c->physical_bits), "cr3", s->cr3, "is beyond the physical addresses");
	n += expect(c, !(s->cr4 & CR4_RESERVED), "cr4", s->cr4, "has reserved bits");
	n += expect(c, !(s->dr6 >> 32), "dr6", s->dr6, "has a high half");
	n += expect(c, !(s->dr7 >> 32), "dr7", s->dr7, "has a high half");
	return n;
}

static unsigned check_long_mode(const struct svm_check *c)
{
	const struct vmcb_save *s = &c->vmcb->save;
	bool active = (s->efer & EFER_LME) && (s->cr0 & CR0_PG),
	     both = (s->cs.attrib & ATTRIB_LONG) && (s->cs.attrib & ATTRIB_BIG);
	unsigned n = 0;

	n += expect(
		c, !active || (s->cr4 & CR4_PAE), "cr4", s->cr4, "has no PAE, with EFER.LME and CR0.PG set");
	n += expect(
		c, !active || (s->cr0 & CR0_PE), "cr0", s->cr0, "has no PE, with EFER.LME and CR0.PG set");
	n += expect(c, !active || !both, "cs.attrib", s->cs.attrib, "has both L and D");
	return n;
}

static bool fits(const struct svm_check *c, uint64_t base, uint64_t size)
{
	uint64_t limit = 1ull << c->physical_bits;

	return base < limit && size <= limit - base;
}

static unsigned check_controls(const struct svm_check *c)
{
	const struct vmcb_control *v = &c->vmcb->control;
	unsigned n = 0;

	n += expect(
		c, v->intercept2 & INTERCEPT2_VMRUN, "intercept2", v->intercept2, "does not intercept VMRUN");
	n += expect(c, v->asid, "asid", v->asid, "is 0");
	n += expect(c, fits(c, v->msrpm_base, MSRPM_SIZE), "msrpm", v->msrpm_base,
		"is beyond the physical addresses");
	n += expect(c, fits(c, v->iopm_base, IOPM_SIZE), "iopm", v->iopm_base,
		"is beyond the physical addresses");
	n += expect(c, fits(c, v->n_cr3, 1), "ncr3", v->n_cr3, "is beyond the physical addresses");
	return n;
}

/* 15.20 */
static bool event_is_valid(uint64_t event)
{
	unsigned vector = SVM_EVENT_VECTOR(event);

	switch (SVM_EVENT_TYPE(event)) {
	case TRAP_TYPE_EXTINT:
	case TRAP_TYPE_NMI:
	case TRAP_TYPE_SOFTINT:
		return true;
	case TRAP_TYPE_EXCEPTION:
		return vector != VECTOR_NMI && vector < VECTORS;
	default:
		return false;
	}
}

unsigned svm_check_vmcb(const struct svm_check *c)
{
	const struct vmcb *v = c->vmcb;
	uint64_t event = v->control.eventinj;
	unsigned n = check_registers(c) + check_long_mode(c) + check_controls(c);

	n += expect(c, !v->control.np_enable || pat_is_valid(v->save.g_pat), "g_pat", v->save.g_pat,
		"has a reserved memory type");
	n += expect(c, !(event & SVM_EVENT_V) || event_is_valid(event), "eventinj", event,
		"is no event that can be injected");
	return n;
}
