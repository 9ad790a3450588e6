// SPDX-License-Identifier: MIT
/* VT-x: control words from capability MSRs as CPUs have them, and the explanation of a refused guest state. */
#include "unit.h"
#include <stdbool.h>
#include <string.h>
#include "vmx/vmcs.h"
#include "vmx/vmx_check.h"
#include "vmx/vmx_controls.h"

#define TRUE_CONTROLS (1ull << 55)

/* Skylake-X as Bochs 2.7 has it. */
static uint64_t caps[0x12];

static void skylake_x(void)
{
	static const uint64_t values[] = {0x00d810000000002b, 0x0000007f00000016, 0xf7f9fffe0401e172,
		0x007fffff00036dff, 0x0000ffff000011ff, 0x600401e0, 0x80000021, 0xffffffff, 0x2000, 0x3727ff,
		0x34, 0x02177fff00000000, 0x00000f0106334141, 0x0000007f00000016, 0xf7f9fffe04006172,
		0x007fffff00036dfb, 0x0000ffff000011fb, 1};

	memcpy(caps, values, sizeof(caps));
}

static uint64_t read_caps(uint32_t msr)
{
	assert_in_range(msr, 0x480, 0x491);
	return caps[msr - 0x480];
}

static uint32_t asked[VMX_CONTROL_WORDS] = {
	[VMX_WORD_PIN] = PIN_NMI_EXITING,
	[VMX_WORD_CPU] = CPU_IO_BITMAPS | CPU_MSR_BITMAPS,
};

static const char *compute(struct vmx_controls *c)
{
	return vmx_controls_compute(read_caps, caps[0], asked, c);
}

static void controls(void **state)
{
	struct vmx_controls c;

	skylake_x();
	assert_null(compute(&c));
	assert_int_equal(c.pin, 0x16 | 0x28 | 1u << 6);
	assert_int_equal(c.cpu, 0x04006172 | 1u << 25 | 1u << 28 | 1u << 31);
	/* EPT, VPID, unrestricted guest, RDTSCP, INVPCID, XSAVES; no user wait and no PCONFIG there */
	assert_int_equal(c.cpu2, 1u << 1 | 1u << 3 | 1u << 5 | 1u << 7 | 1u << 12 | 1u << 20);
	assert_int_equal(c.exit, 0x36dfb | 1u << 2 | 1u << 9 | 31u << 18);
	assert_int_equal(c.entry, 0x11fb | 1u << 2 | 1u << 9 | 3u << 14);
}

/* A missing feature is named, and the message is about the first one. */
static void controls_missing(void **state)
{
	static const struct {
		unsigned msr;
		uint64_t lacks;
		const char *word;
	} cases[] = {
		{0x48b, 1ull << 33, "\"enable EPT\""},
		{0x48b, 1ull << 39, "\"unrestricted guest\""},
		{0x48e, 1ull << 63, "\"activate secondary controls\""},
		{0x48e, 1ull << 60, "\"use MSR bitmaps\""},
		{0x48e, 1ull << 54, "\"NMI-window exiting\""},
		{0x48d, 1ull << 37, "\"virtual NMIs\""},
		{0x48f, 1ull << 52, "\"save IA32_EFER\""},
		{0x490, 1ull << 46, "\"load IA32_PAT\""},
	};
	struct vmx_controls c;

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		skylake_x();
		caps[cases[i].msr - 0x480] &= ~cases[i].lacks;
		const char *why = compute(&c);

		assert_non_null(why);
		assert_non_null(strstr(why, "has no"));
		assert_non_null(strstr(why, cases[i].word));
	}
}

/* Optional features are left out silently. */
static void controls_wanted(void **state)
{
	struct vmx_controls c;

	skylake_x();
	caps[0xb] &= ~(1ull << (32 + 5)); /* VPID */
	assert_null(compute(&c));
	assert_int_equal(c.cpu2 & 1u << 5, 0);
	skylake_x();
	caps[0xd] &= ~(1ull << (32 + 6)); /* the preemption timer, whose value cannot be saved then */
	assert_null(compute(&c));
	assert_int_equal(c.pin & 1u << 6, 0);
	assert_int_equal(c.exit & 1u << 22, 0);
}

/* What an exit asks for is on, or the CPU has no place here. */
static void controls_asked(void **state)
{
	struct vmx_controls c;

	skylake_x();
	asked[VMX_WORD_CPU] |= CPU_RDPMC_EXITING;
	assert_null(compute(&c));
	assert_true(c.cpu & 1u << 11);
	caps[0xe] &= ~(1ull << (32 + 11));
	assert_non_null(strstr(compute(&c), "has no \"RDPMC exiting\""));
	asked[VMX_WORD_CPU] &= ~CPU_RDPMC_EXITING;
}

/* Without the TRUE MSRs CR3 accesses have to exit. */
static void controls_old(void **state)
{
	struct vmx_controls c;

	skylake_x();
	caps[0] &= ~TRUE_CONTROLS;
	assert_non_null(strstr(compute(&c), "cannot go without \"CR3-load exiting\""));
}

/* A valid guest state: 64-bit mode, as firmware leaves it. */
static const struct field {
	uint32_t field;
	uint64_t value;
} sound[] = {
	{VMCS_ENTRY_CONTROLS, 0xd3ff},
	{VMCS_GUEST_CR0, 0x80010033},
	{VMCS_GUEST_CR3, 0x1000},
	{VMCS_GUEST_CR4, 0x2668},
	{VMCS_GUEST_DR7, 0x400},
	{VMCS_GUEST_EFER, 0xd01},
	{VMCS_GUEST_PAT, 0x0007040600070406},
	{VMCS_GUEST_RFLAGS, 2},
	{VMCS_GUEST_RIP, 0x7f000000},
	{VMCS_LINK_POINTER, ~0ull},
	{VMCS_GUEST_ES_RIGHTS, 0xc093},
	{VMCS_GUEST_CS_RIGHTS, 0xa09b},
	{VMCS_GUEST_SS_RIGHTS, 0xc093},
	{VMCS_GUEST_DS_RIGHTS, 0xc093},
	{VMCS_GUEST_FS_RIGHTS, 0xc093},
	{VMCS_GUEST_GS_RIGHTS, 0xc093},
	{VMCS_GUEST_ES_LIMIT, 0xffffffff},
	{VMCS_GUEST_CS_LIMIT, 0xffffffff},
	{VMCS_GUEST_SS_LIMIT, 0xffffffff},
	{VMCS_GUEST_DS_LIMIT, 0xffffffff},
	{VMCS_GUEST_FS_LIMIT, 0xffffffff},
	{VMCS_GUEST_GS_LIMIT, 0xffffffff},
	{VMCS_GUEST_LDTR_RIGHTS, 0x10000},
	{VMCS_GUEST_TR_RIGHTS, 0x8b},
	{VMCS_GUEST_TR_LIMIT, 0x67},
	{VMCS_GUEST_GDTR_LIMIT, 0x47},
	{VMCS_GUEST_IDTR_LIMIT, 0xfff},
};

#define CHANGES 24

static const struct field *changed; /* CHANGES of them, the last counts; 0 is none */
static struct field mended[CHANGES];
static unsigned mends, fails;
static uint32_t failed_field;
static const struct vmx_check_row *failed;

static uint64_t read_state(uint32_t field)
{
	for (unsigned i = mends; i--;)
		if (mended[i].field == field)
			return mended[i].value;
	for (unsigned i = changed ? CHANGES : 0; i--;)
		if (changed[i].field == field && field)
			return changed[i].value;
	for (unsigned i = 0; i < ARRAY_SIZE(sound); i++)
		if (sound[i].field == field)
			return sound[i].value;
	return 0;
}

static void note(uint32_t field, const struct vmx_check_row *row)
{
	fails++;
	failed_field = field;
	failed = row;
}

static void mend(uint32_t field, uint64_t value, const struct vmx_check_row *row)
{
	assert_in_range(mends, 0, CHANGES - 1);
	mended[mends++] = (struct field){field, value};
}

static bool has_lam;

static unsigned run(void (*how)(uint32_t field, uint64_t value, const struct vmx_check_row *row))
{
	const struct vmx_check c = {
		.read = read_state,
		.fail = note,
		.mend = how,
		.cr0_fixed0 = 0x80000021,
		.cr0_fixed1 = 0xffffffff,
		.cr4_fixed0 = 0x2000,
		.cr4_fixed1 = 0xb727ff,
		.physical_bits = 40,
		.linear_bits = 48,
		.lam = has_lam,
	};

	fails = 0;
	return vmx_check_state(&c);
}

static unsigned check(const struct field *changes)
{
	changed = changes;
	mends = 0;
	return run(NULL);
}

static void state_sound(void **state)
{
	static const struct field edge[CHANGES] = {{VMCS_GUEST_RIP, 0x0000800000000000}, {0}},
				  lam[CHANGES] = {{VMCS_GUEST_CR3, 3ull << 61 | 0x1000}, {0}};

	assert_int_equal(check(NULL), 0);
	assert_int_equal(
		check(edge), 0); /* after the last instruction of the lower half: the CPU raises #GP itself */
	has_lam = true;
	assert_int_equal(check(lam), 0);
	has_lam = false;
}

/* The modes to which some of the checks belong, as changes of the valid state. */
/* clang-format off */
#define REAL_MODE                                                                                            \
	{VMCS_ENTRY_CONTROLS, 0xd1ff}, {VMCS_GUEST_CR0, 0x30}, {VMCS_GUEST_CR4, 0x2000}, {VMCS_GUEST_EFER, 0}, \
	{VMCS_GUEST_CS_RIGHTS, 0x93}, {VMCS_GUEST_CS_LIMIT, 0xffff}
#define PROTECTED                                                                                            \
	{VMCS_ENTRY_CONTROLS, 0xd1ff}, {VMCS_GUEST_EFER, 0}, {VMCS_GUEST_CR4, 0x2000}, {VMCS_GUEST_CS_RIGHTS, 0xc09b}
#define PAE          PROTECTED, {VMCS_GUEST_CR4, 0x2020}
#define OF_8086(n)   {VMCS_GUEST_##n##_LIMIT, 0xffff}, {VMCS_GUEST_##n##_RIGHTS, 0xf3}
#define ALL_8086     OF_8086(ES), OF_8086(CS), OF_8086(SS), OF_8086(DS), OF_8086(FS), OF_8086(GS)
#define VIRTUAL_8086 PROTECTED, {VMCS_GUEST_RFLAGS, 0x20002}, ALL_8086
#define HLT(shadow)                                                                                          \
	{VMCS_GUEST_ACTIVITY, 1}, {VMCS_GUEST_RFLAGS, 0x202}, {VMCS_GUEST_INTERRUPTIBILITY, shadow}
/* clang-format on */

/* The named field is that of the last change, unless another one is given. */
static const struct broken {
	struct field changes[CHANGES];
	const char *why;
	uint32_t named;
} cases[] = {
#define WRONG(text, ...)                                                                                     \
	{                                                                                                    \
		.why = text, .changes = { __VA_ARGS__ }                                                      \
	}
#define NAMED(field, text, ...)                                                                              \
	{                                                                                                    \
		.why = text, .changes = {__VA_ARGS__}, .named = field                                        \
	}
	WRONG("has a bit clear that VMX operation fixes at 1", {VMCS_GUEST_CR0, 0x80010013}),
	WRONG("has a bit set that VMX operation fixes at 0", {VMCS_GUEST_CR0, 0x180010033}),
	WRONG("has PG without PE", {VMCS_GUEST_CR0, 0x80010032}),
	WRONG("has no PG in IA-32e mode", {VMCS_GUEST_CR0, 0x10033}),
	WRONG("has a bit clear that VMX operation fixes at 1", {VMCS_GUEST_CR4, 0x668}),
	WRONG("has a bit set that VMX operation fixes at 0", {VMCS_GUEST_CR4, 0x1002668}),
	WRONG("has CET while CR0.WP is clear", {VMCS_GUEST_CR0, 0x80000033}, {VMCS_GUEST_CR4, 0x802668}),
	WRONG("has no PAE in IA-32e mode", {VMCS_GUEST_CR4, 0x2648}),
	WRONG("has PCIDE outside of IA-32e mode", PROTECTED, {VMCS_GUEST_CR4, 0x22000}),
	WRONG("is beyond the physical addresses", {VMCS_GUEST_CR3, 1ull << 40}),
	WRONG("is beyond the physical addresses", {VMCS_GUEST_CR3, 1ull << 61 | 0x1000}),
	WRONG("has a high half", {VMCS_GUEST_DR7, 1ull << 32}),
	WRONG("has reserved bits", {VMCS_GUEST_EFER, 0x1d01}),
	WRONG("LMA is not \"IA-32e mode guest\"", {VMCS_GUEST_EFER, 0}),
	WRONG("LMA is not LME with paging on", {VMCS_GUEST_EFER, 0xc01}),
	WRONG("has a reserved memory type", {VMCS_GUEST_PAT, 0x0207040600070406}),
	WRONG("is not canonical", {VMCS_GUEST_SYSENTER_ESP, 1ull << 63}),
	WRONG("is not canonical", {VMCS_GUEST_SYSENTER_EIP, 1ull << 47}),
	WRONG("is not canonical", {VMCS_GUEST_FS_BASE, 1ull << 63}),
	WRONG("is not canonical", {VMCS_GUEST_GS_BASE, 1ull << 63}),
	WRONG("is not canonical", {VMCS_GUEST_TR_BASE, 1ull << 63}),
	WRONG("is not canonical", {VMCS_GUEST_LDTR_RIGHTS, 0x82}, {VMCS_GUEST_LDTR_BASE, 1ull << 63}),
	WRONG("is not canonical", {VMCS_GUEST_GDTR_BASE, 1ull << 63}),
	WRONG("is not canonical", {VMCS_GUEST_IDTR_BASE, 1ull << 63}),
	WRONG("has TI set", {VMCS_GUEST_TR_SELECTOR, 0x1c}),
	WRONG("has TI set", {VMCS_GUEST_LDTR_RIGHTS, 0x82}, {VMCS_GUEST_LDTR_SELECTOR, 0x1c}),
	WRONG("has a high half", {VMCS_GUEST_CS_BASE, 1ull << 32}),
	WRONG("has a high half", {VMCS_GUEST_SS_BASE, 1ull << 32}),
	WRONG("is not 16 times the selector in virtual-8086 mode", VIRTUAL_8086, {VMCS_GUEST_ES_BASE, 0x10}),
	WRONG("is not 0xffff in virtual-8086 mode", VIRTUAL_8086, {VMCS_GUEST_ES_LIMIT, 0x1ffff}),
	WRONG("is not 0xf3 in virtual-8086 mode", VIRTUAL_8086, {VMCS_GUEST_ES_RIGHTS, 0x93}),
	WRONG("has S clear", {VMCS_GUEST_CS_RIGHTS, 0xa08b}),
	WRONG("has S set", {VMCS_GUEST_TR_RIGHTS, 0x9b}),
	WRONG("is not present", {VMCS_GUEST_DS_RIGHTS, 0xc013}),
	WRONG("has reserved bits", {VMCS_GUEST_DS_RIGHTS, 0xc193}),
	WRONG("ends within a page with G set", {VMCS_GUEST_ES_LIMIT, 0xfffff000}),
	NAMED(VMCS_GUEST_ES_LIMIT, "is above 1 MiB with G clear", {VMCS_GUEST_ES_RIGHTS, 0x4093}),
	WRONG("is not an accessed code segment", {VMCS_GUEST_CS_RIGHTS, 0xa09a}),
	WRONG("has a DPL above 0 with type 3", REAL_MODE, {VMCS_GUEST_CS_RIGHTS, 0xf3}),
	WRONG("DPL is not that of SS", {VMCS_GUEST_CS_RIGHTS, 0xa0fb}),
	WRONG("DPL is above that of SS", {VMCS_GUEST_CS_RIGHTS, 0xa0ff}),
	WRONG("has both L and D", {VMCS_GUEST_CS_RIGHTS, 0xe09b}),
	WRONG("is not accessed writable data", {VMCS_GUEST_SS_RIGHTS, 0xc092}),
	WRONG("is not accessed writable data", {VMCS_GUEST_SS_RIGHTS, 0xc091}),
	WRONG("is not accessed readable", {VMCS_GUEST_DS_RIGHTS, 0xc092}),
	WRONG("has a DPL above 0 in real mode", REAL_MODE, {VMCS_GUEST_SS_RIGHTS, 0xc0f3}),
	WRONG("is unusable", {VMCS_GUEST_TR_RIGHTS, 0x1008b}),
	WRONG("is not a busy TSS of this mode", {VMCS_GUEST_TR_RIGHTS, 0x89}),
	WRONG("is not a busy TSS of this mode", {VMCS_GUEST_TR_RIGHTS, 0x83}),
	WRONG("is not an LDT", {VMCS_GUEST_LDTR_RIGHTS, 0x83}),
	WRONG("is above 0xffff", {VMCS_GUEST_GDTR_LIMIT, 0x10000}),
	WRONG("is above 0xffff", {VMCS_GUEST_IDTR_LIMIT, 0x10000}),
	WRONG("has a high half outside of 64-bit mode", PROTECTED, {VMCS_GUEST_RIP, 1ull << 32}),
	WRONG("is wider than linear addresses", {VMCS_GUEST_RIP, 1ull << 63}),
	WRONG("has reserved bits", {VMCS_GUEST_RFLAGS, 0}),
	WRONG("has VM in IA-32e or real mode", ALL_8086, {VMCS_GUEST_RFLAGS, 0x20002}),
	NAMED(VMCS_GUEST_RFLAGS, "has IF clear while an interrupt is injected",
		{VMCS_ENTRY_EVENT, 0x80000020}),
	WRONG("is no activity state", {VMCS_GUEST_ACTIVITY, 7}),
	WRONG("is HLT with a CPL above 0", {VMCS_GUEST_CS_RIGHTS, 0xa0fb}, {VMCS_GUEST_SS_RIGHTS, 0xc0f3},
		{VMCS_GUEST_ACTIVITY, 1}),
	WRONG("is a STI or MOV SS shadow in HLT", HLT(1)),
	NAMED(VMCS_GUEST_ACTIVITY, "is HLT and the event to inject does not end it", HLT(0),
		{VMCS_ENTRY_EVENT, 0x8000030d}),
	WRONG("has reserved bits", {VMCS_GUEST_INTERRUPTIBILITY, 0x20}),
	WRONG("is a STI and a MOV SS shadow at once", {VMCS_GUEST_RFLAGS, 0x202},
		{VMCS_GUEST_INTERRUPTIBILITY, 3}),
	WRONG("is a STI shadow with IF clear", {VMCS_GUEST_INTERRUPTIBILITY, 1}),
	WRONG("is a shadow while an interrupt is injected", {VMCS_GUEST_RFLAGS, 0x202},
		{VMCS_ENTRY_EVENT, 0x80000020}, {VMCS_GUEST_INTERRUPTIBILITY, 2}),
	WRONG("is a MOV SS shadow while an NMI is injected", {VMCS_ENTRY_EVENT, 0x80000202},
		{VMCS_GUEST_INTERRUPTIBILITY, 2}),
	WRONG("blocks NMIs while one is injected", {VMCS_ENTRY_EVENT, 0x80000202},
		{VMCS_GUEST_INTERRUPTIBILITY, 8}),
	WRONG("blocks SMIs outside of SMM", {VMCS_GUEST_INTERRUPTIBILITY, 4}),
	WRONG("has reserved bits", {VMCS_GUEST_PENDING_DEBUG, 0x20}),
	WRONG("has no BS with TF set in a shadow or HLT", {VMCS_GUEST_RFLAGS, 0x102},
		{VMCS_GUEST_INTERRUPTIBILITY, 2}, {VMCS_GUEST_PENDING_DEBUG, 0}),
	WRONG("has BS without TF in a shadow or HLT", {VMCS_GUEST_INTERRUPTIBILITY, 2},
		{VMCS_GUEST_PENDING_DEBUG, 0x4000}),
	WRONG("has reserved bits", PAE, {VMCS_GUEST_PDPTE2, 3}),
	WRONG("is not all ones", {VMCS_LINK_POINTER, 0}),
};

static uint32_t named_of(const struct broken *b)
{
	uint32_t last = 0;

	for (unsigned i = 0; i < CHANGES && b->changes[i].field; i++)
		last = b->changes[i].field;
	return b->named ? b->named : last;
}

/* One thing is made wrong: exactly that check fails, and names the field. Every row of the list is tested. */
static void state_broken(void **state)
{
	bool seen[ARRAY_SIZE(cases)] = {false};
	unsigned rows = 0;

	while (vmx_check_rows[rows].fields)
		rows++;
	assert_in_range(rows, 1, ARRAY_SIZE(cases));
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned n = check(cases[i].changes);

		if (n != 1 || strcmp(failed->why, cases[i].why) || failed_field != named_of(&cases[i]))
			fail_msg("%s %s: %u fail, the last %s %s", vmx_field_name(named_of(&cases[i])),
				cases[i].why, n, vmx_field_name(failed_field), failed->why);
		seen[failed - vmx_check_rows] = true;
	}
	for (unsigned i = 0; i < rows; i++)
		assert_true(vmx_check_rows[i].guest[0]);
	for (unsigned i = 0; i < rows; i++)
		if (!seen[i])
			fail_msg("no case fails %s %s", vmx_check_rows[i].fields, vmx_check_rows[i].why);
}

/* A state with a remedy is entered with it; one without is left alone. */
static void state_mended(void **state)
{
	unsigned remedies = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned left;

		check(cases[i].changes);
		left = run(mend);
		if (!(failed->clear | failed->set)) {
			assert_int_equal(mends, 0);
			assert_int_equal(left, 1);
			continue;
		}
		remedies++;
		if (!strcmp(failed->fields, "SS_RIGHTS") && cases[i].changes[0].value == 0xc091)
			continue; /* it is accessed, but still not writable data */
		assert_int_equal(mends, 1);
		assert_int_equal(left, 0);
		assert_int_equal(run(NULL), 0);
	}
	assert_in_range(remedies, 8, ARRAY_SIZE(cases) - 1);
}

/* 27.3.1.5: in a shadow, BS goes with TF. */
static void state_shadow(void **state)
{
	static const struct field shadow[CHANGES] = {{VMCS_GUEST_INTERRUPTIBILITY, 2}, {0}},
				  step[CHANGES] = {{VMCS_GUEST_RFLAGS, 0x102}, {0}};

	assert_int_equal(check(shadow), 0);
	assert_int_equal(check(step), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(controls),
		cmocka_unit_test(controls_missing),
		cmocka_unit_test(controls_wanted),
		cmocka_unit_test(controls_asked),
		cmocka_unit_test(controls_old),
		cmocka_unit_test(state_sound),
		cmocka_unit_test(state_broken),
		cmocka_unit_test(state_mended),
		cmocka_unit_test(state_shadow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
