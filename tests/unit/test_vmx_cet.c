// SPDX-License-Identifier: MIT
/* The effect of INIT on shadow stacks and branch tracking. The VMCS is an array; numbers are the manual's (SDM vol. 3D B.4.3, vol. 4). */
#include "unit.h"
#include <string.h>
#include "vmx/vmread.h"
#include "vmx/vmx_cet.h"

#define S_CET          0x6828
#define SSP            0x682a
#define SSP_TABLE      0x682c
#define ENTRY_CONTROLS 0x4012
#define LOAD_CET       (1ull << 20)

uint64_t fake_vmcs[FAKE_FIELDS];

static uint64_t msrs[9];

static bool write(uint32_t msr, uint64_t value)
{
	assert_in_range(msr, 0x6a0, 0x6a8);
	assert_int_not_equal(msr, 0x6a1);
	assert_int_not_equal(msr, 0x6a3);
	msrs[msr - 0x6a0] = value;
	return true;
}

static int begin(void **state)
{
	memset(fake_vmcs, 0xff, sizeof(fake_vmcs));
	memset(msrs, 0xff, sizeof(msrs));
	fake_vmcs[ENTRY_CONTROLS] = 0x93fb;
	return 0;
}

static void expect_msrs(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(msrs); i++)
		if (i != 1 && i != 3)
			assert_int_equal(msrs[i], 0);
}

static void loaded(void **state)
{
	vmx_cet_clear(write, LOAD_CET << 32);
	expect_msrs();
	assert_int_equal(fake_vmcs[S_CET] | fake_vmcs[SSP] | fake_vmcs[SSP_TABLE], 0);
	assert_int_equal(fake_vmcs[ENTRY_CONTROLS], 0x93fb | LOAD_CET);
}

/* Fields that this CPU does not have are not written. */
static void not_loaded(void **state)
{
	vmx_cet_clear(write, LOAD_CET);
	expect_msrs();
	assert_int_equal(fake_vmcs[SSP], ~0ull);
	assert_int_equal(fake_vmcs[ENTRY_CONTROLS], 0x93fb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(loaded, begin),
		cmocka_unit_test_setup(not_loaded, begin),
	};

	return cmocka_run_group_tests_name("vmx_cet", tests, NULL, NULL);
}
