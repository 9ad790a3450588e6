// SPDX-License-Identifier: MIT
/* MSR names, with numbers typed from the manuals, not from the list. */
#include "unit.h"
#include "hw/msr.h"

static void known(void **state)
{
	static const struct {
		uint32_t msr;
		const char *name;
	} cases[] = {
		{0x10, "IA32_TIME_STAMP_COUNTER"},
		{0x1b, "IA32_APIC_BASE"},
		{0x3a, "IA32_FEATURE_CONTROL"},
		{0x8b, "IA32_BIOS_SIGN_ID"},
		{0x174, "IA32_SYSENTER_CS"},
		{0x186, "IA32_PERFEVTSEL0"},
		{0x199, "IA32_PERF_CTL"},
		{0x1a0, "IA32_MISC_ENABLE"},
		{0x1b0, "IA32_ENERGY_PERF_BIAS"},
		{0x1d9, "IA32_DEBUGCTL"},
		{0x20f, "IA32_MTRR_PHYSMASK7"},
		{0x250, "IA32_MTRR_FIX64K_00000"},
		{0x26f, "IA32_MTRR_FIX4K_F8000"},
		{0x277, "IA32_PAT"},
		{0x280, "IA32_MC0_CTL2"},
		{0x2ff, "IA32_MTRR_DEF_TYPE"},
		{0x3f4, "IA32_PEBS_BASE"},
		{0x400, "IA32_MC0_CTL"},
		{0x401, "IA32_MC0_STATUS"},
		{0x473, "IA32_MC28_MISC"},
		{0x480, "IA32_VMX_BASIC"},
		{0x48b, "IA32_VMX_PROCBASED_CTLS2"},
		{0x491, "IA32_VMX_VMFUNC"},
		{0x6e0, "IA32_TSC_DEADLINE"},
		{0x802, "IA32_X2APIC_APICID"},
		{0x817, "IA32_X2APIC_ISR7"},
		{0x827, "IA32_X2APIC_IRR7"},
		{0x830, "IA32_X2APIC_ICR"},
		{0x83f, "IA32_X2APIC_SELF_IPI"},
		{0xda0, "IA32_XSS"},
		{0xc0000080, "IA32_EFER"},
		{0xc0000082, "IA32_LSTAR"},
		{0xc0000100, "IA32_FS_BASE"},
		{0xc0000103, "IA32_TSC_AUX"},
		{0xc0002001, "MCA_STATUS"},
		{0xc00023f4, "MCA_CONFIG"},
		{0xc0010010, "SYSCFG"},
		{0xc0010114, "VM_CR"},
		{0xc0010117, "VM_HSAVE_PA"},
		{0xc001020b, "PERF_CTR5"},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_non_null(msr_name(cases[i].msr));
		assert_string_equal(msr_name(cases[i].msr), cases[i].name);
	}
}

static void unknown(void **state)
{
	static const uint32_t cases[] = {
		0x2, 0x474, 0x7ff, 0x831, 0xbad, 0xc0002007, 0xc0002400, 0xc0001fff, 0x80000000, 0xffffffff};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		assert_null(msr_name(cases[i]));
}

static void enumerators(void **state)
{
	assert_int_equal(MSR_EFER, 0xc0000080);
	assert_int_equal(MSR_VM_CR, 0xc0010114);
	assert_int_equal(MSR_VMX_BASIC, 0x480);
	assert_true((uint64_t)MSR_EFER == 0xc0000080); /* not sign-extended */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known),
		cmocka_unit_test(unknown),
		cmocka_unit_test(enumerators),
	};

	return cmocka_run_group_tests_name("msr", tests, NULL, NULL);
}
