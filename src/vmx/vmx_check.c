// SPDX-License-Identifier: MIT
#include "vmx/vmx_check.h"
#include <stddef.h>
#include <trapline/record.h>
#include "hw/x86.h"
#include "mem/memory_type.h"
#include "vmx/vmcs.h"

#define CR0_NW_CD     (CR0_NW | CR0_CD)
#define EFER_RESERVED (~(uint64_t)(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE))
#define RFLAGS_ZERO   0xffffffffffc08028ull
#define TYPE_ACCESSED 1u
#define BLOCKING_SMI  4u
#define PENDING_BS    (1ull << 14)
#define PENDING_ZERO  0xffffffffffeeaff0ull /* all bits except B0 to B3, bit 12, BS and RTM */

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

/*
 * The checks of an entry. A row: its name here, the fields, the message of one that fails, and why the guest cannot cause
 * it. Then the bits to clear and to set if it fails nevertheless, because an emulator does not follow the manual: only if
 * there is one way to continue.
 */
/* clang-format off */
#define VMX_CHECKS(X) \
	X(CR0_ONES, "CR0", "has a bit clear that VMX operation fixes at 1", "Trapline owns NE, the guest writes its shadow: `vmx_cr.c`", 0, 0) \
	X(CR0_ZEROS, "CR0", "has a bit set that VMX operation fixes at 0", "MOV to CR0 raises #GP", 0, 0) \
	X(PG_PE, "CR0", "has PG without PE", "MOV to CR0 raises #GP", 0, 0) \
	X(CR4_ONES, "CR4", "has a bit clear that VMX operation fixes at 1", "Trapline owns VMXE, the guest writes its shadow: `vmx_cr.c`", 0, 0) \
	X(CR4_ZEROS, "CR4", "has a bit set that VMX operation fixes at 0", "MOV to CR4 raises #GP", 0, 0) \
	X(CET_WP, "CR4", "has CET while CR0.WP is clear", "MOV to CR0 or CR4 raises #GP", 0, 0) \
	X(LONG_PG, "CR0", "has no PG in IA-32e mode", "MOV to CR0 leaves IA-32e mode with it", 0, 0) \
	X(LONG_PAE, "CR4", "has no PAE in IA-32e mode", "MOV to CR4 raises #GP", 0, 0) \
	X(PCIDE, "CR4", "has PCIDE outside of IA-32e mode", "MOV to CR0 or CR4 raises #GP", 0, 0) \
	X(CR3, "CR3", "is beyond the physical addresses", "MOV to CR3 raises #GP; a task switch loads 32 bits", 0, 0) \
	X(DR7, "DR7", "has a high half", "MOV to DR7 raises #GP", 0, 0) \
	X(EFER_ZEROS, "EFER", "has reserved bits", "WRMSR raises #GP", 0, 0) \
	X(EFER_MODE, "EFER", "LMA is not \"IA-32e mode guest\"", "The CPU changes both, and so does INIT in software: `vmx_init.c`", 0, 0) \
	X(LMA_LME, "EFER", "LMA is not LME with paging on", "WRMSR that would raises #GP", 0, 0) \
	X(PAT, "PAT", "has a reserved memory type", "WRMSR raises #GP", 0, 0) \
	X(CANONICAL, "SYSENTER_ESP, SYSENTER_EIP, TR_BASE, FS_BASE, GS_BASE, LDTR_BASE, GDTR_BASE, IDTR_BASE", "is not canonical", "WRMSR, LTR, LLDT, LGDT and LIDT raise #GP, a segment's descriptor has 32 bits", 0, 0) \
	X(TI, "TR_SELECTOR, LDTR_SELECTOR", "has TI set", "LTR and LLDT raise #GP, a task switch #GP or #TS: `vmx_task.c`", 0, 0) \
	X(BASE_HIGH, "CS_BASE, ES_BASE, SS_BASE, DS_BASE", "has a high half", "A descriptor has 32 bits", 0, 0) \
	X(V86_BASE, "six bases", "is not 16 times the selector in virtual-8086 mode", "They are loaded so, also by a task switch: `vmx_task.c`", 0, 0) \
	X(V86_LIMIT, "six limits", "is not 0xffff in virtual-8086 mode", "The same", 0, 0) \
	X(V86_RIGHTS, "six rights", "is not 0xf3 in virtual-8086 mode", "The same", 0, 0) \
	X(S_SET, "TR_RIGHTS, LDTR_RIGHTS", "has S set", "Loading such a descriptor raises #GP or #TS", 0, 0) \
	X(S_CLEAR, "six rights", "has S clear", "Loading such a descriptor raises #GP or #TS", 0, 0) \
	X(PRESENT, "eight rights", "is not present", "Loading such a descriptor raises #NP or #SS", 0, 0) \
	X(RIGHTS_ZEROS, "eight rights", "has reserved bits", "A descriptor has no such bits", 0, 0) \
	X(LIMIT_LOW, "eight limits", "ends within a page with G set", "The CPU scales limits as it loads them", 0, 0xfff) \
	X(LIMIT_HIGH, "eight limits", "is above 1 MiB with G clear", "A descriptor cannot express it", 0, 0) \
	X(CS_TYPE, "CS_RIGHTS", "is not an accessed code segment", "Loading sets the accessed bit, and raises #GP for another type", 0, TYPE_ACCESSED) \
	X(CS_REAL, "CS_RIGHTS", "has a DPL above 0 with type 3", "Real mode begins at CPL 0", 0, 0) \
	X(CS_DPL, "CS_RIGHTS", "DPL is not that of SS", "Far transfers load SS with the CPL", 0, 0) \
	X(CS_CONFORMING, "CS_RIGHTS", "DPL is above that of SS", "Far transfers raise #GP", 0, 0) \
	X(CS_BOTH, "CS_RIGHTS", "has both L and D", "Far transfers raise #GP", RIGHTS_BIG, 0) \
	X(SS_TYPE, "SS_RIGHTS", "is not accessed writable data", "Loading sets the accessed bit, and raises #GP for another type", 0, TYPE_ACCESSED) \
	X(DATA_TYPE, "DS_RIGHTS, ES_RIGHTS, FS_RIGHTS, GS_RIGHTS", "is not accessed readable", "Loading sets the accessed bit, and raises #GP for another type", 0, TYPE_ACCESSED) \
	X(SS_REAL, "SS_RIGHTS", "has a DPL above 0 in real mode", "Real mode begins at CPL 0", 0, 0) \
	X(TR_UNUSABLE, "TR_RIGHTS", "is unusable", "The guest starts with a usable one, and nothing makes it unusable: `vmx_start.c`", 0, 0) \
	X(TR_TYPE, "TR_RIGHTS", "is not a busy TSS of this mode", "LTR makes it busy; MOV to CR0 that enters IA-32e mode with a 16-bit one raises #GP", 0, 0) \
	X(LDTR_TYPE, "LDTR_RIGHTS", "is not an LDT", "LLDT raises #GP", 0, 0) \
	X(TABLE_LIMIT, "GDTR_LIMIT, IDTR_LIMIT", "is above 0xffff", "LGDT and LIDT take 16 bits", 0, 0) \
	X(RIP_HIGH, "RIP", "has a high half outside of 64-bit mode", "EIP has 32 bits; a skipped instruction cuts RIP: `vmx_skip()`", 0, 0) \
	X(RIP_WIDE, "RIP", "is wider than linear addresses", "Branches raise #GP; skipping an instruction adds 15 at most", 0, 0) \
	X(RFLAGS, "RFLAGS", "has reserved bits", "POPF and IRET leave them, a task switch clears them: `vmx_task.c`", 0, 0) \
	X(VM_MODE, "RFLAGS", "has VM in IA-32e or real mode", "IRET does not set it there", 0, 0) \
	X(IF_CLEAR, "RFLAGS", "has IF clear while an interrupt is injected", "Trapline's own: `vmx_take_interrupt()`", 0, 0) \
	X(ACTIVITY, "ACTIVITY", "is no activity state", "Trapline's own", 0, 0) \
	X(HLT_CPL, "ACTIVITY", "is HLT with a CPL above 0", "HLT raises #GP there", 0, 0) \
	X(HLT_SHADOW, "INTERRUPTIBILITY", "is a STI or MOV SS shadow in HLT", "HLT ends it", BLOCKING_STI | BLOCKING_MOV_SS, 0) \
	X(HLT_EVENT, "ACTIVITY", "is HLT and the event to inject does not end it", "Trapline's own: a CPU in HLT raises no other event", 0, 0) \
	X(BLOCKING, "INTERRUPTIBILITY", "has reserved bits", "Trapline's own", 0, 0) \
	X(BOTH_SHADOWS, "INTERRUPTIBILITY", "is a STI and a MOV SS shadow at once", "The second instruction of the two has none", BLOCKING_STI, 0) \
	X(STI_IF, "INTERRUPTIBILITY", "is a STI shadow with IF clear", "An instruction that clears IF ends it", BLOCKING_STI, 0) \
	X(SHADOW_INTERRUPT, "INTERRUPTIBILITY", "is a shadow while an interrupt is injected", "Trapline's own: `vmx_take_interrupt()`", 0, 0) \
	X(SHADOW_NMI, "INTERRUPTIBILITY", "is a MOV SS shadow while an NMI is injected", "Trapline's own: `vmx_inject_nmi()`", 0, 0) \
	X(NMI_NMI, "INTERRUPTIBILITY", "blocks NMIs while one is injected", "Trapline's own: `vmx_inject()`", 0, 0) \
	X(SMI, "INTERRUPTIBILITY", "blocks SMIs outside of SMM", "Only SMM does; Bochs 3.0 sets it in wait-for-SIPI", BLOCKING_SMI, 0) \
	X(PENDING, "PENDING_DEBUG", "has reserved bits", "The CPU writes the field", 0, 0) \
	X(BS_MISSING, "PENDING_DEBUG", "has no BS with TF set in a shadow or HLT", "The CPU sets it, and `vmx_settle_debug()` after each exit with TF does, too", 0, PENDING_BS) \
	X(BS_WRONG, "PENDING_DEBUG", "has BS without TF in a shadow or HLT", "The same", PENDING_BS, 0) \
	X(PDPTE, "PDPTE0, PDPTE1, PDPTE2, PDPTE3", "has reserved bits", "MOV to CR0, CR3 or CR4 raises #GP, a task switch too: `vmx_task.c`", 0, 0) \
	X(LINK, "LINK_POINTER", "is not all ones", "Trapline's own", 0, 0)
/* clang-format on */

enum check {
#define X(name, fields, why, guest, clear, set) CHECK_##name,
	VMX_CHECKS(X)
#undef X
};

const struct vmx_check_row vmx_check_rows[] = {
#define X(name, fields, why, guest, clear, set) {fields, why, guest, clear, set},
	VMX_CHECKS(X)
#undef X
		{0}};

/* Values on which several checks depend. */
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

static void expect(struct state *s, bool ok, enum check which, uint32_t field)
{
	const struct vmx_check_row *row = &vmx_check_rows[which];

	if (ok)
		return;
	if (s->c->mend && (row->clear | row->set)) {
		s->c->mend(field, (get(s, field) & ~row->clear) | row->set, row);
		return;
	}
	s->failed++;
	s->c->fail(field, row);
}

/* Whether all bits from `from` on are equal. */
static bool extends(uint64_t address, unsigned from)
{
	return address >> from == 0 || (int64_t)address >> from == -1;
}

/* In the width of the CPU's linear addresses, whatever the guest's mode is. */
static void check_canonical(struct state *s, uint32_t field)
{
	expect(s, extends(get(s, field), s->c->linear_bits - 1), CHECK_CANONICAL, field);
}

/* 27.3.1.1 */
static bool cr3_fits(const struct vmx_check *c, uint64_t cr3)
{
	return !((cr3 & ~(c->lam ? CR3_LAM : 0)) >> c->physical_bits);
}

static void check_control_registers(struct state *s)
{
	uint64_t cr0 = s->cr0, cr4 = get(s, VMCS_GUEST_CR4),
		 free = CR0_PE | CR0_PG | CR0_NW_CD; /* unrestricted guest */

	expect(s, !(s->c->cr0_fixed0 & ~free & ~cr0), CHECK_CR0_ONES, VMCS_GUEST_CR0);
	expect(s, !(cr0 & ~CR0_NW_CD & ~s->c->cr0_fixed1), CHECK_CR0_ZEROS, VMCS_GUEST_CR0);
	expect(s, !(cr0 & CR0_PG) || (cr0 & CR0_PE), CHECK_PG_PE, VMCS_GUEST_CR0);
	expect(s, !(s->c->cr4_fixed0 & ~cr4), CHECK_CR4_ONES, VMCS_GUEST_CR4);
	expect(s, !(cr4 & ~s->c->cr4_fixed1), CHECK_CR4_ZEROS, VMCS_GUEST_CR4);
	expect(s, !s->ia32e || (cr0 & CR0_PG), CHECK_LONG_PG, VMCS_GUEST_CR0);
	expect(s, !s->ia32e || (cr4 & CR4_PAE), CHECK_LONG_PAE, VMCS_GUEST_CR4);
	expect(s, s->ia32e || !(cr4 & CR4_PCIDE), CHECK_PCIDE, VMCS_GUEST_CR4);
	expect(s, !(cr4 & CR4_CET) || (cr0 & CR0_WP), CHECK_CET_WP, VMCS_GUEST_CR4);
	expect(s, cr3_fits(s->c, get(s, VMCS_GUEST_CR3)), CHECK_CR3, VMCS_GUEST_CR3);
	expect(s, !(get(s, VMCS_GUEST_DR7) >> 32), CHECK_DR7, VMCS_GUEST_DR7);
}

static void check_msrs(struct state *s)
{
	uint64_t efer = get(s, VMCS_GUEST_EFER);
	bool lma = efer & EFER_LMA, lme = efer & EFER_LME;

	expect(s, !(efer & EFER_RESERVED), CHECK_EFER_ZEROS, VMCS_GUEST_EFER);
	expect(s, lma == s->ia32e, CHECK_EFER_MODE, VMCS_GUEST_EFER);
	expect(s, !(s->cr0 & CR0_PG) || lma == lme, CHECK_LMA_LME, VMCS_GUEST_EFER);
	expect(s, pat_is_valid(get(s, VMCS_GUEST_PAT)), CHECK_PAT, VMCS_GUEST_PAT);
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
	expect(s, !(get(s, VMCS_SELECTOR(TR)) & 4), CHECK_TI, VMCS_SELECTOR(TR));
	expect(s, !usable(s, LDTR) || !(get(s, VMCS_SELECTOR(LDTR)) & 4), CHECK_TI, VMCS_SELECTOR(LDTR));
	check_canonical(s, VMCS_BASE(TR));
	check_canonical(s, VMCS_BASE(FS));
	check_canonical(s, VMCS_BASE(GS));
	if (usable(s, LDTR))
		check_canonical(s, VMCS_BASE(LDTR));
	expect(s, !(get(s, VMCS_BASE(CS)) >> 32), CHECK_BASE_HIGH, VMCS_BASE(CS));
	for (unsigned n = ES; n <= DS; n++)
		if (n != CS)
			expect(s, !usable(s, n) || !(get(s, VMCS_BASE(n)) >> 32), CHECK_BASE_HIGH,
				VMCS_BASE(n));
}

static void check_virtual_8086(struct state *s)
{
	for (unsigned n = ES; n <= GS; n++) {
		expect(s, get(s, VMCS_BASE(n)) == get(s, VMCS_SELECTOR(n)) << 4, CHECK_V86_BASE,
			VMCS_BASE(n));
		expect(s, get(s, VMCS_LIMIT(n)) == 0xffff, CHECK_V86_LIMIT, VMCS_LIMIT(n));
		expect(s, get(s, VMCS_RIGHTS(n)) == 0xf3, CHECK_V86_RIGHTS, VMCS_RIGHTS(n));
	}
}

/* For every usable segment: S, P, reserved bits, and a granularity that matches the limit. */
static void check_rights(struct state *s, unsigned n, bool system)
{
	uint64_t rights = get(s, VMCS_RIGHTS(n)), limit = get(s, VMCS_LIMIT(n));

	expect(s, !(rights & RIGHTS_S) == system, system ? CHECK_S_SET : CHECK_S_CLEAR, VMCS_RIGHTS(n));
	expect(s, rights & RIGHTS_PRESENT, CHECK_PRESENT, VMCS_RIGHTS(n));
	expect(s, !(rights & 0xfffe0f00), CHECK_RIGHTS_ZEROS, VMCS_RIGHTS(n));
	expect(s, (limit & 0xfff) == 0xfff || !(rights & RIGHTS_GRANULAR), CHECK_LIMIT_LOW, VMCS_LIMIT(n));
	expect(s, !(limit >> 20) || (rights & RIGHTS_GRANULAR), CHECK_LIMIT_HIGH, VMCS_LIMIT(n));
}

static void check_code_segment(struct state *s)
{
	uint64_t rights = s->cs_rights;
	unsigned type = RIGHTS_TYPE(rights), dpl = RIGHTS_DPL(rights),
		 ss_dpl = RIGHTS_DPL(get(s, VMCS_RIGHTS(SS)));

	check_rights(s, CS, false);
	expect(s, type == 3 || (type & 9) == 9, CHECK_CS_TYPE, VMCS_RIGHTS(CS));
	expect(s, type != 3 || dpl == 0, CHECK_CS_REAL, VMCS_RIGHTS(CS));
	expect(s, (type & 13) != 9 || dpl == ss_dpl, CHECK_CS_DPL, VMCS_RIGHTS(CS));
	expect(s, (type & 13) != 13 || dpl <= ss_dpl, CHECK_CS_CONFORMING, VMCS_RIGHTS(CS));
	expect(s, !s->mode64 || !(rights & RIGHTS_BIG), CHECK_CS_BOTH, VMCS_RIGHTS(CS));
}

static void check_data_segments(struct state *s)
{
	for (unsigned n = ES; n <= GS; n++) {
		unsigned type = RIGHTS_TYPE(get(s, VMCS_RIGHTS(n)));

		if (n == CS || !usable(s, n))
			continue;
		check_rights(s, n, false);
		if (n == SS)
			expect(s, type == 3 || type == 7, CHECK_SS_TYPE, VMCS_RIGHTS(n));
		else
			expect(s, (type & 1) && (!(type & 8) || (type & 2)), CHECK_DATA_TYPE, VMCS_RIGHTS(n));
	}
	if (!(s->cr0 & CR0_PE))
		expect(s, !RIGHTS_DPL(get(s, VMCS_RIGHTS(SS))), CHECK_SS_REAL, VMCS_RIGHTS(SS));
}

static void check_system_segments(struct state *s)
{
	unsigned type = RIGHTS_TYPE(get(s, VMCS_RIGHTS(TR)));

	expect(s, usable(s, TR), CHECK_TR_UNUSABLE, VMCS_RIGHTS(TR));
	expect(s, type == 11 || (type == 3 && !s->ia32e), CHECK_TR_TYPE, VMCS_RIGHTS(TR));
	check_rights(s, TR, true);
	if (!usable(s, LDTR))
		return;
	expect(s, RIGHTS_TYPE(get(s, VMCS_RIGHTS(LDTR))) == 2, CHECK_LDTR_TYPE, VMCS_RIGHTS(LDTR));
	check_rights(s, LDTR, true);
}

/* 27.3.1.3 */
static void check_tables(struct state *s)
{
	check_canonical(s, VMCS_GUEST_GDTR_BASE);
	check_canonical(s, VMCS_GUEST_IDTR_BASE);
	expect(s, !(get(s, VMCS_GUEST_GDTR_LIMIT) >> 16), CHECK_TABLE_LIMIT, VMCS_GUEST_GDTR_LIMIT);
	expect(s, !(get(s, VMCS_GUEST_IDTR_LIMIT) >> 16), CHECK_TABLE_LIMIT, VMCS_GUEST_IDTR_LIMIT);
}

/* 27.3.1.4: RIP need not be canonical, such as after an instruction that ends at the end of the lower half. */
static void check_rip_rflags(struct state *s)
{
	uint64_t rip = get(s, VMCS_GUEST_RIP), f = s->rflags;

	expect(s, s->mode64 || !(rip >> 32), CHECK_RIP_HIGH, VMCS_GUEST_RIP);
	expect(s, !s->mode64 || extends(rip, s->c->linear_bits), CHECK_RIP_WIDE, VMCS_GUEST_RIP);
	expect(s, !(f & RFLAGS_ZERO) && (f & 2), CHECK_RFLAGS, VMCS_GUEST_RFLAGS);
	expect(s, !s->v86 || (!s->ia32e && (s->cr0 & CR0_PE)), CHECK_VM_MODE, VMCS_GUEST_RFLAGS);
	if ((s->event & EVENT_VALID) && EVENT_TYPE(s->event) == TRAP_TYPE_EXTINT)
		expect(s, f & RFLAGS_IF, CHECK_IF_CLEAR, VMCS_GUEST_RFLAGS);
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
	expect(s, activity <= 3, CHECK_ACTIVITY, VMCS_GUEST_ACTIVITY);
	if (activity != ACTIVITY_HLT)
		return;
	expect(s, !RIGHTS_DPL(get(s, VMCS_RIGHTS(SS))), CHECK_HLT_CPL, VMCS_GUEST_ACTIVITY);
	expect(s, !(blocking & (BLOCKING_STI | BLOCKING_MOV_SS)), CHECK_HLT_SHADOW,
		VMCS_GUEST_INTERRUPTIBILITY);
	expect(s, !(s->event & EVENT_VALID) || allowed_in_hlt(s->event), CHECK_HLT_EVENT,
		VMCS_GUEST_ACTIVITY);
}

/* 27.3.1.5, interruptibility state */
static void check_interruptibility(struct state *s, uint64_t blocking)
{
	bool valid = s->event & EVENT_VALID;
	unsigned type = EVENT_TYPE(s->event);

	expect(s, !(blocking & ~0x1full), CHECK_BLOCKING, VMCS_GUEST_INTERRUPTIBILITY);
	expect(s, (blocking & 3) != 3, CHECK_BOTH_SHADOWS, VMCS_GUEST_INTERRUPTIBILITY);
	expect(s, !(blocking & BLOCKING_STI) || (s->rflags & RFLAGS_IF), CHECK_STI_IF,
		VMCS_GUEST_INTERRUPTIBILITY);
	expect(s, !(blocking & 3) || !valid || type != TRAP_TYPE_EXTINT, CHECK_SHADOW_INTERRUPT,
		VMCS_GUEST_INTERRUPTIBILITY);
	expect(s, !(blocking & BLOCKING_MOV_SS) || !valid || type != TRAP_TYPE_NMI, CHECK_SHADOW_NMI,
		VMCS_GUEST_INTERRUPTIBILITY);
	expect(s, !(blocking & BLOCKING_NMI) || !valid || type != TRAP_TYPE_NMI, CHECK_NMI_NMI,
		VMCS_GUEST_INTERRUPTIBILITY);
	expect(s, !(blocking & BLOCKING_SMI), CHECK_SMI, VMCS_GUEST_INTERRUPTIBILITY);
}

/* 27.3.1.5, pending debug exceptions */
static void check_pending(struct state *s, uint64_t activity, uint64_t blocking)
{
	uint64_t pending = get(s, VMCS_GUEST_PENDING_DEBUG);
	bool step = (s->rflags & RFLAGS_TF) && !(get(s, VMCS_GUEST_DEBUGCTL) & DEBUGCTL_BTF);

	expect(s, !(pending & PENDING_ZERO), CHECK_PENDING, VMCS_GUEST_PENDING_DEBUG);
	if (!(blocking & 3) && activity != ACTIVITY_HLT)
		return;
	expect(s, !step || (pending & PENDING_BS), CHECK_BS_MISSING, VMCS_GUEST_PENDING_DEBUG);
	expect(s, step || !(pending & PENDING_BS), CHECK_BS_WRONG, VMCS_GUEST_PENDING_DEBUG);
}

/* 27.3.1.6: PAE's four pointers, which with EPT are fields of their own */
static void check_pdptes(struct state *s)
{
	if (!(s->cr0 & CR0_PG) || !(get(s, VMCS_GUEST_CR4) & CR4_PAE) || s->ia32e)
		return;
	for (unsigned i = 0; i < 4; i++)
		expect(s, vmx_pdpte_is_valid(get(s, VMCS_GUEST_PDPTE0 + 2 * i), s->c->physical_bits),
			CHECK_PDPTE, VMCS_GUEST_PDPTE0 + 2 * i);
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
	expect(&s, c->read(VMCS_LINK_POINTER) == ~0ull, CHECK_LINK, VMCS_LINK_POINTER);
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
