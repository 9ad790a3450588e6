#include "vmx/vmx_check.h"
#include <stddef.h>
#include <trapline/record.h>
#include "mem/memory_type.h"
#include "vmx/vmcs.h"

#define CR0_PE        (1ull << 0)
#define CR0_NW_CD     (3ull << 29)
#define CR0_PG        (1ull << 31)
#define CR4_PAE       (1ull << 5)
#define CR4_PCIDE     (1ull << 17)
#define EFER_LME      (1ull << 8)
#define EFER_LMA      (1ull << 10)
#define EFER_RESERVED (~0xd01ull)
#define RFLAGS_IF     (1ull << 9)
#define RFLAGS_TF     (1ull << 8)
#define RFLAGS_VM     (1ull << 17)
#define RFLAGS_ZERO   0xffffffffffc08028ull
#define DEBUGCTL_BTF  (1ull << 1)
#define PENDING_BS    (1ull << 14)
#define PENDING_ZERO  0xffffffffffeeaff0ull /* all but B0 to B3, bit 12, BS and RTM */

enum {
	ES,
	CS,
	SS,
	DS,
	FS,
	GS,
	LDTR,
	TR
};

/* What several checks depend on. */
struct state {
	const struct vmx_check *c;
	unsigned failed;
	bool ia32e, v86, mode64;
	uint64_t cr0, rflags, cs_rights;
	uint32_t event;
};

static uint64_t get(const struct state *s, uint32_t field)
{
	return s->c->read(field);
}

static void expect(struct state *s, bool ok, uint32_t field, const char *why)
{
	if (ok)
		return;
	s->failed++;
	s->c->fail(field, why);
}

static bool canonical(uint64_t address)
{
	return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

static void check_canonical(struct state *s, uint32_t field)
{
	expect(s, canonical(get(s, field)), field, "is not canonical");
}

/* 27.3.1.1 */
static void check_control_registers(struct state *s)
{
	uint64_t cr0 = s->cr0, cr4 = get(s, VMCS_GUEST_CR4),
		 free = CR0_PE | CR0_PG | CR0_NW_CD; /* unrestricted guest */

	expect(s, !(s->c->cr0_fixed0 & ~free & ~cr0), VMCS_GUEST_CR0,
		"has a bit clear that VMX operation fixes at 1");
	expect(s, !(cr0 & ~CR0_NW_CD & ~s->c->cr0_fixed1), VMCS_GUEST_CR0,
		"has a bit set that VMX operation fixes at 0");
	expect(s, !(cr0 & CR0_PG) || (cr0 & CR0_PE), VMCS_GUEST_CR0, "has PG without PE");
	expect(s, !(s->c->cr4_fixed0 & ~cr4), VMCS_GUEST_CR4,
		"has a bit clear that VMX operation fixes at 1");
	expect(s, !(cr4 & ~s->c->cr4_fixed1), VMCS_GUEST_CR4, "has a bit set that VMX operation fixes at 0");
	expect(s, !s->ia32e || (cr0 & CR0_PG), VMCS_GUEST_CR0, "has no PG in IA-32e mode");
	expect(s, !s->ia32e || (cr4 & CR4_PAE), VMCS_GUEST_CR4, "has no PAE in IA-32e mode");
	expect(s, s->ia32e || !(cr4 & CR4_PCIDE), VMCS_GUEST_CR4, "has PCIDE outside of IA-32e mode");
	expect(s, !(get(s, VMCS_GUEST_CR3) >> s->c->physical_bits), VMCS_GUEST_CR3,
		"is beyond the physical addresses");
	expect(s, !(get(s, VMCS_GUEST_DR7) >> 32), VMCS_GUEST_DR7, "has a high half");
}

static void check_msrs(struct state *s)
{
	uint64_t efer = get(s, VMCS_GUEST_EFER);
	bool lma = efer & EFER_LMA, lme = efer & EFER_LME;

	expect(s, !(efer & EFER_RESERVED), VMCS_GUEST_EFER, "has reserved bits");
	expect(s, lma == s->ia32e, VMCS_GUEST_EFER, "LMA is not \"IA-32e mode guest\"");
	expect(s, !(s->cr0 & CR0_PG) || lma == lme, VMCS_GUEST_EFER, "LMA is not LME with paging on");
	expect(s, pat_is_valid(get(s, VMCS_GUEST_PAT)), VMCS_GUEST_PAT, "has a reserved memory type");
	check_canonical(s, VMCS_GUEST_SYSENTER_ESP);
	check_canonical(s, VMCS_GUEST_SYSENTER_EIP);
}

static bool usable(const struct state *s, unsigned n)
{
	return !(get(s, VMCS_RIGHTS(n)) & RIGHTS_UNUSABLE);
}

/* 27.3.1.2, selectors, bases and limits */
static void check_segment_values(struct state *s)
{
	expect(s, !(get(s, VMCS_SELECTOR(TR)) & 4), VMCS_SELECTOR(TR), "has TI set");
	expect(s, !usable(s, LDTR) || !(get(s, VMCS_SELECTOR(LDTR)) & 4), VMCS_SELECTOR(LDTR), "has TI set");
	check_canonical(s, VMCS_BASE(TR));
	check_canonical(s, VMCS_BASE(FS));
	check_canonical(s, VMCS_BASE(GS));
	expect(s, !usable(s, LDTR) || canonical(get(s, VMCS_BASE(LDTR))), VMCS_BASE(LDTR),
		"is not canonical");
	expect(s, !(get(s, VMCS_BASE(CS)) >> 32), VMCS_BASE(CS), "has a high half");
	for (unsigned n = ES; n <= DS; n++)
		if (n != CS)
			expect(s, !usable(s, n) || !(get(s, VMCS_BASE(n)) >> 32), VMCS_BASE(n),
				"has a high half");
}

static void check_virtual_8086(struct state *s)
{
	for (unsigned n = ES; n <= GS; n++) {
		expect(s, get(s, VMCS_BASE(n)) == get(s, VMCS_SELECTOR(n)) << 4, VMCS_BASE(n),
			"is not 16 times the selector in virtual-8086 mode");
		expect(s, get(s, VMCS_LIMIT(n)) == 0xffff, VMCS_LIMIT(n),
			"is not 0xffff in virtual-8086 mode");
		expect(s, get(s, VMCS_RIGHTS(n)) == 0xf3, VMCS_RIGHTS(n), "is not 0xf3 in virtual-8086 mode");
	}
}

/* Of every segment that is usable: S, P, reserved bits, and a granularity that goes with the limit. */
static void check_rights(struct state *s, unsigned n, bool system)
{
	uint64_t rights = get(s, VMCS_RIGHTS(n)), limit = get(s, VMCS_LIMIT(n));

	expect(s, !(rights & RIGHTS_S) == system, VMCS_RIGHTS(n), system ? "has S set" : "has S clear");
	expect(s, rights & RIGHTS_PRESENT, VMCS_RIGHTS(n), "is not present");
	expect(s, !(rights & 0xfffe0f00), VMCS_RIGHTS(n), "has reserved bits");
	expect(s, (limit & 0xfff) == 0xfff || !(rights & RIGHTS_GRANULAR), VMCS_LIMIT(n),
		"ends within a page with G set");
	expect(s, !(limit >> 20) || (rights & RIGHTS_GRANULAR), VMCS_LIMIT(n), "is above 1 MiB with G clear");
}

static void check_code_segment(struct state *s)
{
	uint64_t rights = s->cs_rights;
	unsigned type = RIGHTS_TYPE(rights), dpl = RIGHTS_DPL(rights),
		 ss_dpl = RIGHTS_DPL(get(s, VMCS_RIGHTS(SS)));

	check_rights(s, CS, false);
	expect(s, type == 3 || (type & 9) == 9, VMCS_RIGHTS(CS), "is not an accessed code segment");
	expect(s, type != 3 || dpl == 0, VMCS_RIGHTS(CS), "has a DPL above 0 with type 3");
	expect(s, (type & 13) != 9 || dpl == ss_dpl, VMCS_RIGHTS(CS), "DPL is not that of SS");
	expect(s, (type & 13) != 13 || dpl <= ss_dpl, VMCS_RIGHTS(CS), "DPL is above that of SS");
	expect(s, !s->mode64 || !(rights & RIGHTS_BIG), VMCS_RIGHTS(CS), "has both L and D");
}

static void check_data_segments(struct state *s)
{
	for (unsigned n = ES; n <= GS; n++) {
		unsigned type = RIGHTS_TYPE(get(s, VMCS_RIGHTS(n)));

		if (n == CS || !usable(s, n))
			continue;
		check_rights(s, n, false);
		if (n == SS)
			expect(s, type == 3 || type == 7, VMCS_RIGHTS(n), "is not accessed writable data");
		else
			expect(s, (type & 1) && (!(type & 8) || (type & 2)), VMCS_RIGHTS(n),
				"is not accessed readable");
	}
	if (!(s->cr0 & CR0_PE))
		expect(s, !RIGHTS_DPL(get(s, VMCS_RIGHTS(SS))), VMCS_RIGHTS(SS),
			"has a DPL above 0 in real mode");
}

static void check_system_segments(struct state *s)
{
	unsigned type = RIGHTS_TYPE(get(s, VMCS_RIGHTS(TR)));

	expect(s, usable(s, TR), VMCS_RIGHTS(TR), "is unusable");
	expect(s, type == 11 || (type == 3 && !s->ia32e), VMCS_RIGHTS(TR), "is not a busy TSS of this mode");
	check_rights(s, TR, true);
	if (!usable(s, LDTR))
		return;
	expect(s, RIGHTS_TYPE(get(s, VMCS_RIGHTS(LDTR))) == 2, VMCS_RIGHTS(LDTR), "is not an LDT");
	check_rights(s, LDTR, true);
}

/* 27.3.1.3 */
static void check_tables(struct state *s)
{
	check_canonical(s, VMCS_GUEST_GDTR_BASE);
	check_canonical(s, VMCS_GUEST_IDTR_BASE);
	expect(s, !(get(s, VMCS_GUEST_GDTR_LIMIT) >> 16), VMCS_GUEST_GDTR_LIMIT, "is above 0xffff");
	expect(s, !(get(s, VMCS_GUEST_IDTR_LIMIT) >> 16), VMCS_GUEST_IDTR_LIMIT, "is above 0xffff");
}

/* 27.3.1.4 */
static void check_rip_rflags(struct state *s)
{
	uint64_t rip = get(s, VMCS_GUEST_RIP), f = s->rflags;

	expect(s, s->mode64 || !(rip >> 32), VMCS_GUEST_RIP, "has a high half outside of 64-bit mode");
	expect(s, canonical(rip), VMCS_GUEST_RIP, "is not canonical");
	expect(s, !(f & RFLAGS_ZERO) && (f & 2), VMCS_GUEST_RFLAGS, "has reserved bits");
	expect(s, !s->v86 || (!s->ia32e && (s->cr0 & CR0_PE)), VMCS_GUEST_RFLAGS,
		"has VM in IA-32e or real mode");
	if ((s->event & EVENT_VALID) && EVENT_TYPE(s->event) == TRAP_TYPE_EXTINT)
		expect(s, f & RFLAGS_IF, VMCS_GUEST_RFLAGS, "has IF clear while an interrupt is injected");
}

static bool allowed_in_hlt(uint32_t event)
{
	unsigned type = EVENT_TYPE(event), vector = EVENT_VECTOR(event);

	return type == TRAP_TYPE_EXTINT || type == TRAP_TYPE_NMI || type == 7 ||
	       (type == TRAP_TYPE_EXCEPTION && (vector == 1 || vector == 18));
}

/* 27.3.1.5, activity state */
static void check_activity(struct state *s, uint64_t activity, uint64_t blocking)
{
	expect(s, activity <= 3, VMCS_GUEST_ACTIVITY, "is no activity state");
	if (activity != ACTIVITY_HLT)
		return;
	expect(s, !RIGHTS_DPL(get(s, VMCS_RIGHTS(SS))), VMCS_GUEST_ACTIVITY, "is HLT with a CPL above 0");
	expect(s, !(blocking & (BLOCKING_STI | BLOCKING_MOV_SS)), VMCS_GUEST_ACTIVITY,
		"is HLT in a STI or MOV SS shadow");
	expect(s, !(s->event & EVENT_VALID) || allowed_in_hlt(s->event), VMCS_GUEST_ACTIVITY,
		"is HLT and the event to inject does not end it");
}

/* 27.3.1.5, interruptibility state */
static void check_interruptibility(struct state *s, uint64_t blocking)
{
	bool valid = s->event & EVENT_VALID;
	unsigned type = EVENT_TYPE(s->event);

	expect(s, !(blocking & ~0x1full), VMCS_GUEST_INTERRUPTIBILITY, "has reserved bits");
	expect(s, (blocking & 3) != 3, VMCS_GUEST_INTERRUPTIBILITY, "is a STI and a MOV SS shadow at once");
	expect(s, !(blocking & BLOCKING_STI) || (s->rflags & RFLAGS_IF), VMCS_GUEST_INTERRUPTIBILITY,
		"is a STI shadow with IF clear");
	expect(s, !(blocking & 3) || !valid || type != TRAP_TYPE_EXTINT, VMCS_GUEST_INTERRUPTIBILITY,
		"is a shadow while an interrupt is injected");
	expect(s, !(blocking & BLOCKING_MOV_SS) || !valid || type != TRAP_TYPE_NMI,
		VMCS_GUEST_INTERRUPTIBILITY, "is a MOV SS shadow while an NMI is injected");
	expect(s, !(blocking & BLOCKING_NMI) || !valid || type != TRAP_TYPE_NMI, VMCS_GUEST_INTERRUPTIBILITY,
		"blocks NMIs while one is injected");
	expect(s, !(blocking & 4), VMCS_GUEST_INTERRUPTIBILITY, "blocks SMIs outside of SMM");
}

/* 27.3.1.5, pending debug exceptions */
static void check_pending(struct state *s, uint64_t activity, uint64_t blocking)
{
	uint64_t pending = get(s, VMCS_GUEST_PENDING_DEBUG);
	bool step = (s->rflags & RFLAGS_TF) && !(get(s, VMCS_GUEST_DEBUGCTL) & DEBUGCTL_BTF);

	expect(s, !(pending & PENDING_ZERO), VMCS_GUEST_PENDING_DEBUG, "has reserved bits");
	if (!(blocking & 3) && activity != ACTIVITY_HLT)
		return;
	expect(s, !step || (pending & PENDING_BS), VMCS_GUEST_PENDING_DEBUG,
		"has no BS with TF set in a shadow or HLT");
	expect(s, step || !(pending & PENDING_BS), VMCS_GUEST_PENDING_DEBUG,
		"has BS without TF in a shadow or HLT");
}

/* 27.3.1.6: PAE's four pointers, which with EPT are fields of their own */
static void check_pdptes(struct state *s)
{
	if (!(s->cr0 & CR0_PG) || !(get(s, VMCS_GUEST_CR4) & CR4_PAE) || s->ia32e)
		return;
	for (unsigned i = 0; i < 4; i++)
		expect(s, vmx_pdpte_is_valid(get(s, VMCS_GUEST_PDPTE0 + 2 * i), s->c->physical_bits),
			VMCS_GUEST_PDPTE0 + 2 * i, "has reserved bits");
}

unsigned vmx_check_state(const struct vmx_check *c)
{
	struct state s = {
		.c = c,
		.ia32e = c->read(VMCS_ENTRY_CONTROLS) & ENTRY_GUEST_64,
		.cr0 = c->read(VMCS_GUEST_CR0),
		.rflags = c->read(VMCS_GUEST_RFLAGS),
		.cs_rights = c->read(VMCS_GUEST_CS_RIGHTS),
		.event = (uint32_t)c->read(VMCS_ENTRY_EVENT),
	};
	uint64_t activity = c->read(VMCS_GUEST_ACTIVITY), blocking = c->read(VMCS_GUEST_INTERRUPTIBILITY);

	s.v86 = s.rflags & RFLAGS_VM;
	s.mode64 = s.ia32e && (s.cs_rights & RIGHTS_LONG);
	check_control_registers(&s);
	check_msrs(&s);
	check_segment_values(&s);
	if (s.v86) {
		check_virtual_8086(&s);
	} else {
		check_code_segment(&s);
		check_data_segments(&s);
	}
	check_system_segments(&s);
	check_tables(&s);
	check_rip_rflags(&s);
	check_activity(&s, activity, blocking);
	check_interruptibility(&s, blocking);
	check_pending(&s, activity, blocking);
	check_pdptes(&s);
	expect(&s, c->read(VMCS_LINK_POINTER) == ~0ull, VMCS_LINK_POINTER, "is not all ones");
	return s.failed;
}

const char *vmx_field_name(uint32_t field)
{
	switch (field) {
#define X(encoding, name)                                                                                    \
	case encoding:                                                                                       \
		return #name;
		VMCS_FIELDS(X)
#undef X
	default:
		return "?";
	}
}
