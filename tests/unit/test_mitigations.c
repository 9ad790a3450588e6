// SPDX-License-Identifier: MIT
/* The mitigations that each kind of CPU needs, from the features that such a CPU reports. */
#include "unit.h"
#include <string.h>
#include "hw/mitigations.h"

#define RTM       (1u << 11) /* leaf 7 EBX */
#define MD_CLEAR  (1u << 10) /* leaf 7 EDX */
#define IBRS      (1u << 26)
#define L1D_FLUSH (1u << 28)
#define BHI_CTRL  (1u << 4) /* leaf 7.2 EDX */

#define RDCL_NO    (1ull << 0) /* IA32_ARCH_CAPABILITIES */
#define IBRS_ALL   (1ull << 1)
#define SKIP_L1D   (1ull << 3)
#define MDS_NO     (1ull << 5)
#define TAA_NO     (1ull << 8)
#define STALE_NO   (7ull << 13)
#define FB_CLEAR   (1ull << 17)
#define BHI_NO     (1ull << 20)
#define PBRSB_NO   (1ull << 24)
#define RFDS_NO    (1ull << 27)
#define RFDS_CLEAR (1ull << 28)
#define SAFE       (RDCL_NO | IBRS_ALL | SKIP_L1D | MDS_NO | TAA_NO | STALE_NO | BHI_NO | PBRSB_NO | RFDS_NO)

#define IBPB      (1u << 12) /* Fn8000_0008 EBX */
#define IBPB_RET  (1u << 30)
#define VERW      (1u << 5) /* Fn8000_0021 EAX */
#define AUTO_IBRS (1u << 8)
#define SRSO_NO   (1u << 29)
#define TSA_NO    (3u << 1) /* ECX */

#define INTEL(ebx, edx, two, arch)                                                                           \
	{                                                                                                    \
		.leaf7_ebx = (ebx), .leaf7_edx = (edx), .leaf7_2_edx = (two), .arch_capabilities = (arch)    \
	}
#define AMD(eight, a, c)                                                                                     \
	{                                                                                                    \
		.amd = true, .ext8_ebx = (eight), .ext21_eax = (a), .ext21_ecx = (c)                         \
	}

static const struct {
	const char *name;
	struct mitigation_facts facts;
	uint32_t used, missing;
} kinds[] = {
	{"Skylake with its first microcode", INTEL(RTM, 0, 0, 0), 0,
		MITIGATE_IBRS | MITIGATE_VERW | MITIGATE_L1D},
	{"Skylake", INTEL(RTM, MD_CLEAR | IBRS | L1D_FLUSH, 0, 0),
		MITIGATE_IBRS | MITIGATE_RSB | MITIGATE_VERW | MITIGATE_L1D, 0},
	{"Skylake beneath a hypervisor that flushes", INTEL(RTM, MD_CLEAR | IBRS | L1D_FLUSH, 0, SKIP_L1D),
		MITIGATE_IBRS | MITIGATE_RSB | MITIGATE_VERW, 0},
	{"Cascade Lake, TAA", INTEL(RTM, MD_CLEAR | IBRS, 0, RDCL_NO | IBRS_ALL | SKIP_L1D | MDS_NO),
		MITIGATE_IBRS | MITIGATE_CALL | MITIGATE_BHB | MITIGATE_VERW, 0},
	{"Ice Lake, stale data", INTEL(RTM, MD_CLEAR | IBRS, 0, (SAFE & ~STALE_NO & ~BHI_NO) | FB_CLEAR),
		MITIGATE_IBRS | MITIGATE_BHB | MITIGATE_VERW, 0},
	{"Alder Lake", INTEL(0, IBRS, BHI_CTRL, SAFE & ~BHI_NO & ~PBRSB_NO),
		MITIGATE_IBRS | MITIGATE_CALL | MITIGATE_BHI_DIS_S, 0},
	{"Gracemont, RFDS", INTEL(0, MD_CLEAR | IBRS, BHI_CTRL, (SAFE & ~BHI_NO & ~RFDS_NO) | RFDS_CLEAR),
		MITIGATE_IBRS | MITIGATE_BHI_DIS_S | MITIGATE_VERW, 0},
	{"Intel, safe but for branches", INTEL(0, IBRS, 0, SAFE), MITIGATE_IBRS, 0},
	{"Zen 2", AMD(IBPB, 0, 0), MITIGATE_IBPB | MITIGATE_RSB, 0},
	{"Zen 4", AMD(IBPB | IBPB_RET, AUTO_IBRS, 0), MITIGATE_IBPB, 0},
	{"Zen 4, TSA", AMD(IBPB | IBPB_RET, AUTO_IBRS | VERW, 0), MITIGATE_IBPB | MITIGATE_VERW, 0},
	{"Zen 5", AMD(IBPB | IBPB_RET, AUTO_IBRS | VERW, TSA_NO), MITIGATE_IBPB, 0},
	{"AMD with safe returns", AMD(IBPB, AUTO_IBRS | SRSO_NO, 0), MITIGATE_AUTO_IBRS, 0},
	{"AMD without a barrier", AMD(0, 0, 0), 0, MITIGATE_IBPB},
};

static void each_kind(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct mitigations m = mitigations_choose(&kinds[i].facts, MITIGATIONS_AUTO);

		if (m.used != kinds[i].used || m.missing != kinds[i].missing)
			fail_msg("%s: used %x, missing %x", kinds[i].name, m.used, m.missing);
	}
}

static void configured(void **state)
{
	struct mitigation_facts skylake = INTEL(RTM, IBRS, 0, 0), old = AMD(0, 0, 0),
				alder = INTEL(0, IBRS, BHI_CTRL, SAFE & ~BHI_NO);
	struct mitigations m = mitigations_choose(&skylake, 0);

	assert_int_equal(m.used | m.missing, 0);
	m = mitigations_choose(&skylake, MITIGATE_RSB | MITIGATE_VERW);
	assert_int_equal(m.used, MITIGATE_RSB);
	assert_int_equal(m.missing, MITIGATE_VERW); /* without MD_CLEAR it overwrites nothing */
	m = mitigations_choose(&old, MITIGATE_RSB | MITIGATE_VERW | MITIGATE_IBRS | MITIGATE_L1D);
	assert_int_equal(m.used, MITIGATE_RSB | MITIGATE_VERW);
	assert_int_equal(m.missing, MITIGATE_IBRS | MITIGATE_L1D);
	m = mitigations_choose(&alder, MITIGATE_BHI_DIS_S | MITIGATE_IBRS);
	assert_int_equal(m.used, MITIGATE_BHI_DIS_S | MITIGATE_IBRS);
	assert_int_equal(m.missing, 0);
	m = mitigations_choose(&alder, MITIGATE_BHI_DIS_S); /* the exit writes it together with IBRS only */
	assert_int_equal(m.used, 0);
	assert_int_equal(m.missing, MITIGATE_BHI_DIS_S);
}

static void in_words(void **state)
{
	char out[MITIGATION_NAMES_MAX];

	assert_string_equal(mitigation_names(out, sizeof(out), 0), "none");
	assert_string_equal(mitigation_names(out, sizeof(out), MITIGATE_IBRS | MITIGATE_L1D), "ibrs,l1d");
	assert_true(strlen(mitigation_names(out, sizeof(out), 0x1ff)) < sizeof(out) - 1);
	assert_non_null(strstr(out, "verw,l1d"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind),
		cmocka_unit_test(configured),
		cmocka_unit_test(in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
