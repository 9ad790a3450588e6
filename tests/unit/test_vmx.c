/* VT-x: control words from capability MSRs as CPUs have them, and the explanation of a refused guest state.
 */
#include "unit.h"
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

static const char *compute(struct vmx_controls *c)
{
	return vmx_controls_compute(read_caps, caps[0], c);
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

/* What a CPU lacks is said by name, and what the message says is the first thing. */
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

	for (unsigned i = 0; i < COUNT(cases); i++) {
		skylake_x();
		caps[cases[i].msr - 0x480] &= ~cases[i].lacks;
		const char *why = compute(&c);

		assert_non_null(why);
		assert_non_null(strstr(why, "has no"));
		assert_non_null(strstr(why, cases[i].word));
	}
}

/* What is only nice to have is left out without a word. */
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

/* Without the TRUE MSRs, CR3 accesses exit whether one likes it or not. */
static void controls_old(void **state)
{
	struct vmx_controls c;

	skylake_x();
	caps[0] &= ~TRUE_CONTROLS;
	assert_non_null(strstr(compute(&c), "cannot go without \"CR3-load exiting\""));
}

/* A guest's state that passes: 64-bit mode, as firmware leaves it. */
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

static const struct field *broken;
static uint32_t failed_field;
static const char *failed_why;

static uint64_t read_state(uint32_t field)
{
	if (broken && broken->field == field)
		return broken->value;
	for (unsigned i = 0; i < COUNT(sound); i++)
		if (sound[i].field == field)
			return sound[i].value;
	return 0;
}

static void note(uint32_t field, const char *why)
{
	failed_field = field;
	failed_why = why;
}

static unsigned check(const struct field *change)
{
	const struct vmx_check c = {
		.read = read_state,
		.fail = note,
		.cr0_fixed0 = 0x80000021,
		.cr0_fixed1 = 0xffffffff,
		.cr4_fixed0 = 0x2000,
		.cr4_fixed1 = 0x3727ff,
		.physical_bits = 40,
	};

	broken = change;
	return vmx_check_state(&c);
}

static void state_sound(void **state)
{
	assert_int_equal(check(NULL), 0);
}

/* One field at a time is made wrong: just that field is named. */
static void state_broken(void **state)
{
	static const struct {
		struct field change;
		const char *why;
	} cases[] = {
		{{VMCS_GUEST_CR0, 0x80010013}, "fixes at 1"},
		{{VMCS_GUEST_CR0, 0x80010032}, "PG without PE"},
		{{VMCS_GUEST_CR0, 0x10033}, "no PG in IA-32e"},
		{{VMCS_GUEST_CR4, 0x668}, "fixes at 1"},
		{{VMCS_GUEST_CR4, 0x2648}, "no PAE"},
		{{VMCS_GUEST_CR4, 0x1002668}, "fixes at 0"},
		{{VMCS_GUEST_CR3, 1ull << 40}, "physical"},
		{{VMCS_GUEST_DR7, 1ull << 32}, "high half"},
		{{VMCS_GUEST_EFER, 0x1d01}, "reserved"},
		{{VMCS_GUEST_PAT, 0x0207040600070406}, "memory type"},
		{{VMCS_GUEST_SYSENTER_ESP, 1ull << 63}, "canonical"},
		{{VMCS_GUEST_GS_BASE, 1ull << 63}, "canonical"},
		{{VMCS_GUEST_CS_BASE, 1ull << 32}, "high half"},
		{{VMCS_GUEST_SS_BASE, 1ull << 32}, "high half"},
		{{VMCS_GUEST_CS_RIGHTS, 0xa091}, "code segment"},
		{{VMCS_GUEST_CS_RIGHTS, 0xe09b}, "both L and D"},
		{{VMCS_GUEST_CS_RIGHTS, 0xa0fb}, "DPL"},
		{{VMCS_GUEST_DS_RIGHTS, 0xc013}, "present"},
		{{VMCS_GUEST_DS_RIGHTS, 0xc092}, "accessed"},
		{{VMCS_GUEST_ES_LIMIT, 0xfffff000}, "within a page"},
		{{VMCS_GUEST_ES_RIGHTS, 0x4093}, NULL},
		{{VMCS_GUEST_SS_RIGHTS, 0xc091}, "writable"},
		{{VMCS_GUEST_TR_RIGHTS, 0x89}, "busy TSS"},
		{{VMCS_GUEST_TR_SELECTOR, 0x1c}, "TI"},
		{{VMCS_GUEST_GDTR_LIMIT, 0x10000}, "0xffff"},
		{{VMCS_GUEST_IDTR_BASE, 1ull << 63}, "canonical"},
		{{VMCS_GUEST_RIP, 1ull << 63}, "canonical"},
		{{VMCS_GUEST_RFLAGS, 0}, "reserved"},
		{{VMCS_GUEST_RFLAGS, 0x20002}, NULL},
		{{VMCS_GUEST_ACTIVITY, 7}, "activity"},
		{{VMCS_GUEST_INTERRUPTIBILITY, 1}, "IF clear"},
		{{VMCS_GUEST_INTERRUPTIBILITY, 3}, NULL},
		{{VMCS_GUEST_PENDING_DEBUG, 0x20}, "reserved"},
		{{VMCS_LINK_POINTER, 0}, "ones"},
		{{VMCS_ENTRY_EVENT, 0x80000020}, NULL},
	};

	for (unsigned i = 0; i < COUNT(cases); i++) {
		assert_true(check(&cases[i].change) > 0);
		if (!cases[i].why)
			continue;
		assert_string_equal(vmx_field_name(failed_field), vmx_field_name(cases[i].change.field));
		if (!strstr(failed_why, cases[i].why))
			fail_msg("%s: \"%s\", not \"%s\"", vmx_field_name(failed_field), failed_why,
				cases[i].why);
	}
}

/* 27.3.1.5: in a shadow, BS goes with TF. */
static void state_shadow(void **state)
{
	const struct field shadow = {VMCS_GUEST_INTERRUPTIBILITY, 2};

	assert_int_equal(check(&shadow), 0);
	assert_int_equal(check(&(struct field){VMCS_GUEST_RFLAGS, 0x102}), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(controls),
		cmocka_unit_test(controls_missing),
		cmocka_unit_test(controls_wanted),
		cmocka_unit_test(controls_old),
		cmocka_unit_test(state_sound),
		cmocka_unit_test(state_broken),
		cmocka_unit_test(state_shadow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
