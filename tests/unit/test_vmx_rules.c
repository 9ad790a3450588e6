// SPDX-License-Identifier: MIT
/* VT-x: words that the manual defines. Bits are typed from its tables, not from the sources. */
#include "unit.h"
#include "exit/quick.h"
#include "vmx/vmx_rules.h"

#define BIT(n) (1ull << (n))

/* SDM vol. 3A 2.5: bits that firmware may have left on are not used in the host. */
static void host_cr4(void **state)
{
	static const unsigned never[] = {11 /* UMIP */, 14 /* SMXE */, 17 /* PCIDE */, 20 /* SMEP */,
		21 /* SMAP */, 22 /* PKE */, 23 /* CET */, 24 /* PKS */, 25 /* UINTR */, 27 /* LASS */,
		28 /* LAM */};
	uint64_t cr4 = vmx_host_cr4(0, BIT(13), true);

	assert_int_equal(cr4, BIT(5) | BIT(6) | BIT(13) | BIT(18));
	for (unsigned i = 0; i < ARRAY_SIZE(never); i++)
		assert_int_equal(vmx_host_cr4(BIT(never[i]), BIT(13), true), cr4);
	assert_int_equal(vmx_host_cr4(0, BIT(13), false), BIT(5) | BIT(6) | BIT(13));
	assert_int_equal(vmx_host_cr4(0, BIT(13) | BIT(7), false), BIT(5) | BIT(6) | BIT(7) | BIT(13));
}

/* The VM exit puts the host on tables of as many levels as the firmware had. */
static void host_levels(void **state)
{
	uint64_t with = vmx_host_cr4(BIT(12), BIT(13), true), without = vmx_host_cr4(0, BIT(13), true);

	assert_int_equal(with ^ without, BIT(12));
	assert_true(with & BIT(12));
}

/* Whatever the descriptor in memory says: 64-bit, busy; present, DPL and granularity do not change. */
static void task_register(void **state)
{
	assert_int_equal(vmx_tr_rights(0x89), 0x8b);
	assert_int_equal(vmx_tr_rights(0x8b), 0x8b);
	assert_int_equal(vmx_tr_rights(0x8089), 0x808b);
	assert_int_equal(vmx_tr_rights(0x83), 0x8b);
}

/* 27.2.1.3; IA32_VMX_BASIC of Ice Lake and of Tiger Lake as Bochs 2.7 has them. */
static void control_protection(void **state)
{
	assert_false(vmx_can_inject(0x00d8100000000004, 21));
	assert_true(vmx_can_inject(0x01d8100000000004, 21));
	assert_true(vmx_can_inject(0x00d8100000000004, 14));
	assert_true(vmx_can_inject(0x00d8100000000004, 6));
	assert_int_equal(vmx_exceptions(0x00d8100000000004, 0xffffffff), 0xffdfffff);
	assert_int_equal(vmx_exceptions(0x01d8100000000004, 0xffffffff), 0xffffffff);
}

/* SDM vol. 4 table 2-2, 3AH. Once locked, the MSR cannot be written. */
static void feature_control(void **state)
{
	assert_int_equal(vmx_feature_control(0, false, false, false), 0x5);
	assert_int_equal(vmx_feature_control(0, true, true, true), 0x5 | BIT(17) | BIT(18) | BIT(20));
	assert_int_equal(vmx_feature_control(0, true, false, false), 0x5 | BIT(18));
	assert_int_equal(vmx_feature_control(0, false, true, false), 0x5);
	assert_int_equal(vmx_feature_control(0xff00, false, false, true), 0xff05 | BIT(20));
	assert_int_equal(vmx_feature_control(0x5, true, true, true), 0x5);
	assert_int_equal(vmx_feature_control(0x1, true, true, true), 0x1);
}

static const uint32_t all = 0xffffffff;

static struct cpuid hidden(uint32_t leaf, uint32_t subleaf, uint32_t cpu2)
{
	struct cpuid r = {all, all, all, all};

	vmx_hide(leaf, subleaf, cpu2, &r);
	return (struct cpuid){~r.eax, ~r.ebx, ~r.ecx, ~r.edx};
}

static void expect(struct cpuid h, uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
	assert_int_equal(h.eax, eax);
	assert_int_equal(h.ebx, ebx);
	assert_int_equal(h.ecx, ecx);
	assert_int_equal(h.edx, edx);
}

/* SDM vol. 2A, CPUID; the secondary controls of vol. 3C table 25-7. */
static void cpuid_hides(void **state)
{
	uint32_t rdtscp = BIT(3), invpcid = BIT(12), xsaves = BIT(20), wait = BIT(26), pconfig = BIT(27);
	struct cpuid none = {0};

	expect(hidden(1, 0, all), 0, 0, BIT(2) | BIT(4) | BIT(5) | BIT(6), BIT(21));
	expect(hidden(6, 0, all), BIT(19) | BIT(23), 0, 0xff00, all);
	vmx_hide(6, 0, all, &none);
	expect(none, 0, 0, 0, 0);
	expect(hidden(7, 0, all), 0, BIT(25), 0, 0);
	expect(hidden(7, 0, all & ~invpcid), 0, BIT(25) | BIT(10), 0, 0);
	expect(hidden(7, 0, all & ~wait), 0, BIT(25), BIT(5), 0);
	expect(hidden(7, 0, all & ~pconfig), 0, BIT(25), 0, BIT(18));
	expect(hidden(7, 0, all & ~rdtscp), 0, BIT(25), BIT(22), 0);
	expect(hidden(7, 1, all), BIT(27), 0, 0, 0);
	expect(hidden(7, 2, 0), 0, 0, 0, 0);
	expect(hidden(0xd, 0, 0), 0, 0, 0, 0);
	expect(hidden(0xd, 1, all), 0, 0, BIT(8), 0);
	expect(hidden(0xd, 1, all & ~xsaves), BIT(3), 0, BIT(8), 0);
	expect(hidden(0xd, 8, all), all, all, all, all);
	expect(hidden(0xd, 9, all), 0, 0, 0, 0);
	expect(hidden(0x23, 0, all), BIT(4) | BIT(5), 0, 0, 0);
	expect(hidden(0x23, 3, all), 0, 0, 0, 0);
	expect(hidden(0x23, 4, all), all, all, all, all);
	expect(hidden(0x23, 5, all), all, all, all, all);
	expect(hidden(0x23, 0x84, all), 0, 0, 0, 0);
	expect(hidden(0x80000001, 0, all & ~rdtscp), 0, 0, 0, BIT(27));
	expect(hidden(0x80000001, 0, all), 0, 0, 0, 0);
	expect(hidden(4, 0, 0), 0, 0, 0, 0);
}

/* Processor trace is component 8; CET's are 11 and 12. */
static void xss(void **state)
{
	assert_true(vmx_accepts_xss(0));
	assert_true(vmx_accepts_xss(BIT(11) | BIT(12) | BIT(15)));
	assert_false(vmx_accepts_xss(BIT(8)));
	assert_false(vmx_accepts_xss(BIT(8) | BIT(11)));
}

/* The short way of CPUID takes no leaf of which a bit is hidden. */
static void hidden_leaves_are_adjusted(void **state)
{
	unsigned hidden = 0;

	for (uint32_t n = 0; n < 2 * 128; n++) {
		uint32_t leaf = n / 2 < 64 ? n / 2 : 0x80000000 + n / 2 - 64;
		struct cpuid r = {~0u, ~0u, ~0u, ~0u};

		vmx_hide(leaf, n & 1, 0, &r);
		if (~(r.eax & r.ebx & r.ecx & r.edx)) {
			hidden++;
			assert_true(cpuid_is_adjusted(leaf));
		}
	}
	assert_true(hidden >= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_cr4),
		cmocka_unit_test(host_levels),
		cmocka_unit_test(task_register),
		cmocka_unit_test(control_protection),
		cmocka_unit_test(feature_control),
		cmocka_unit_test(cpuid_hides),
		cmocka_unit_test(hidden_leaves_are_adjusted),
		cmocka_unit_test(xss),
	};

	return cmocka_run_group_tests_name("vmx_rules", tests, NULL, NULL);
}
