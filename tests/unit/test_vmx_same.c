// SPDX-License-Identifier: MIT
/* Compares the CPUs of one machine: features in use have to be the same, and the first difference is named. */
#include "unit.h"
#include <string.h>
#include "vmx/vmx_same.h"

static struct vmx_caps boot, other;

static void same(void **state)
{
	assert_null(vmx_differs(&boot, &other));
	other.misc |= 1ull << 30;     /* instruction length 0: not used */
	other.ept_vpid |= 1ull << 21; /* accessed and dirty bits: not used */
	other.basic |= 1ull << 54;    /* INS and OUTS information: not used */
	assert_null(vmx_differs(&boot, &other));
}

static int begin(void **state)
{
	memset(&boot, 0, sizeof(boot));
	boot.basic = 0x01d8100000000004;
	boot.controls.cpu2 = 0x0c1010aa;
	boot.misc = 0x100 | 5;
	other = boot;
	return 0;
}

static void expect(const char *name)
{
	const char *why = vmx_differs(&boot, &other);

	assert_non_null(why);
	assert_non_null(strstr(why, name));
	other = boot;
}

static void different(void **state)
{
	other.controls.cpu2 &= ~(1u << 26); /* TPAUSE */
	assert_string_equal(vmx_differs(&boot, &other),
		"its VT-x differs from the boot CPU's: IA32_VMX_PROCBASED_CTLS2 asks "
		"for 0x81010aa instead of 0xc1010aa");
	other = boot;
	other.misc = 0x100 | 7;
	expect("IA32_VMX_MISC");
	other.ept_vpid |= 1ull << 17;
	expect("IA32_VMX_EPT_VPID_CAP");
	other.basic &= ~(1ull << 56);
	expect("IA32_VMX_BASIC");
	other.controls.pin ^= 1u << 6;
	expect("IA32_VMX_PINBASED_CTLS");
	other.controls.entry ^= 1u << 20;
	expect("IA32_VMX_ENTRY_CTLS");
	other.cr4_fixed1 ^= 1u << 23;
	expect("IA32_VMX_CR4_FIXED1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(same, begin),
		cmocka_unit_test_setup(different, begin),
	};

	return cmocka_run_group_tests_name("vmx_same", tests, NULL, NULL);
}
