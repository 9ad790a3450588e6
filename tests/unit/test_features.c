// SPDX-License-Identifier: MIT
/* A CPU's features from its CPUID leaves: SDM vol. 2A "CPUID", APM vol. 3 appendix E. */
#include "unit.h"
#include <string.h>
#include "hw/features.h"

#define REST          0xffffffffu /* contents of a leaf beyond the last one, which must not be used */
#define SYSCFG_MEMORY (1ull << 23)

struct leaf {
	uint32_t number;
	struct cpuid is;
};

#define LEAVES 6

static const struct leaf *leaves;

static struct cpuid answer(uint32_t leaf, uint32_t subleaf)
{
	for (unsigned i = 0; i < LEAVES; i++)
		if (leaves[i].number == leaf)
			return leaves[i].is;
	return (struct cpuid){REST, REST, REST, REST};
}

static void widths(void **state)
{
	static const struct {
		const char *what;
		struct leaf leaf[LEAVES];
		uint64_t syscfg;
		unsigned physical, memory, linear;
	} cases[] = {
		{"a CPU without extended leaves",
			{{0, {.eax = 1}}, {1, {.eax = 0}}, {0x80000000, {7, 7, 7, 7}}}, SYSCFG_MEMORY, 36, 36,
			32},
		{"one without the leaf of the widths",
			{{0, {.eax = 1}}, {1, {.eax = 0}}, {0x80000000, {.eax = 0x80000001}},
				{0x80000001, {.edx = 1u << 29}}},
			0, 36, 36, 48},
		{"40 and 48",
			{{0, {.eax = 1}}, {1, {.eax = 0}}, {0x80000000, {.eax = 0x80000008}},
				{0x80000001, {.eax = 0}}, {0x80000008, {.eax = 0x3028}}},
			0, 40, 40, 48},
		{"52 and 57",
			{{0, {.eax = 1}}, {1, {.eax = 0}}, {0x80000000, {.eax = 0x80000008}},
				{0x80000001, {.eax = 0}}, {0x80000008, {.eax = 0x3934}}},
			0, 52, 52, 57},
		{"more than page tables can hold",
			{{0, {.eax = 1}}, {1, {.eax = 0}}, {0x80000000, {.eax = 0x80000008}},
				{0x80000001, {.eax = 0}}, {0x80000008, {.eax = 0x3040}}},
			0, 52, 52, 48},
		{"encryption that is off",
			{{0, {.eax = 0}}, {0x80000000, {.eax = 0x8000001f}}, {0x80000001, {.eax = 0}},
				{0x80000008, {.eax = 0x3030}}, {0x8000001f, {.eax = 1, .ebx = 47 | 5 << 6}}},
			0, 48, 48, 48},
		{"encryption that is on takes five bits",
			{{0, {.eax = 0}}, {0x80000000, {.eax = 0x8000001f}}, {0x80000001, {.eax = 0}},
				{0x80000008, {.eax = 0x3030}}, {0x8000001f, {.eax = 1, .ebx = 47 | 5 << 6}}},
			SYSCFG_MEMORY, 48, 43, 48},
		{"the same bit of SYSCFG without encryption",
			{{0, {.eax = 0}}, {0x80000000, {.eax = 0x8000001f}}, {0x80000001, {.eax = 0}},
				{0x80000008, {.eax = 0x3030}}, {0x8000001f, {.eax = 0, .ebx = 47 | 5 << 6}}},
			SYSCFG_MEMORY, 48, 48, 48},
		{"more bits than there are",
			{{0, {.eax = 0}}, {0x80000000, {.eax = 0x8000001f}}, {0x80000001, {.eax = 0}},
				{0x80000008, {.eax = 0x3024}}, {0x8000001f, {.eax = 1, .ebx = 63 << 6}}},
			SYSCFG_MEMORY, 36, 36, 48},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct features f;

		leaves = cases[i].leaf;
		features_from(&f, answer, cases[i].syscfg);
		if (f.physical_bits != cases[i].physical || f.memory_bits != cases[i].memory ||
			f.linear_bits != cases[i].linear)
			fail_msg(
				"%s: %u %u %u", cases[i].what, f.physical_bits, f.memory_bits, f.linear_bits);
	}
}

static struct leaf only;
static uint32_t last_basic, last_extended;

static struct cpuid one(uint32_t leaf, uint32_t subleaf)
{
	if (leaf == 0)
		return (struct cpuid){.eax = last_basic};
	if (leaf == 0x80000000)
		return (struct cpuid){.eax = last_extended};
	return leaf == only.number ? only.is : (struct cpuid){0};
}

/* The number of features that `only` sets; *there: the named one is among them. */
static unsigned count(const char *name, bool *there)
{
	struct features f;
	unsigned n = 0;

	*there = false;
	features_from(&f, one, 0);
#define X(member, leaf, reg, bit, meaning)                                                                   \
	n += f.member;                                                                                       \
	*there |= f.member && !strcmp(name, #member);
	FEATURE_BITS(X)
#undef X
	return n;
}

/* Each bit sets exactly one feature, and only if its leaf exists. */
static void bits(void **state)
{
#define X(member, leaf, reg, bit, meaning) {#member, {leaf, {.reg = 1u << (bit)}}},
	static const struct {
		const char *name;
		struct leaf leaf;
	} rows[] = {FEATURE_BITS(X)};
#undef X

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		bool extended = rows[i].leaf.number >= 0x80000000, there;

		only = rows[i].leaf;
		last_basic = 0x23;
		last_extended = 0x80000021;
		if (count(rows[i].name, &there) != 1 || !there)
			fail_msg("%s: not alone", rows[i].name);
		*(extended ? &last_extended : &last_basic) = only.number - 1;
		if (count(rows[i].name, &there))
			fail_msg("%s: beyond the last leaf", rows[i].name);
	}
}

static uint32_t last_subleaf;

static struct cpuid two(uint32_t leaf, uint32_t subleaf)
{
	if (leaf == 0)
		return (struct cpuid){.eax = 7};
	if (leaf != 7)
		return (struct cpuid){0};
	return (struct cpuid){.eax = subleaf ? 1u << 26 : last_subleaf};
}

/* Its subleaf has to exist. */
static void masking(void **state)
{
	struct features f;

	for (last_subleaf = 0; last_subleaf <= 2; last_subleaf++) {
		features_from(&f, two, 0);
		assert_int_equal(f.lam, last_subleaf > 0);
	}
}

static void expect_difference(const struct features *boot, const struct features *other, const char *words)
{
	const char *line = features_differ(boot, other);

	if (!words) {
		assert_null(line);
		return;
	}
	assert_non_null(line);
	if (!strstr(line, words))
		fail_msg("\"%s\" is not in \"%s\"", words, line);
}

/* A hybrid CPU, or a board with two steppings: each bit and each width is compared, and named. */
static void differences(void **state)
{
	const struct features boot = {
		.physical_bits = 46, .memory_bits = 46, .linear_bits = 48, .xsave = true};
	struct features other = boot;

	other.last_basic = 0x1f; /* leaves that only one of them has, and nobody looks at */
	expect_difference(&boot, &other, NULL);
#define X(member, leaf, reg, bit, meaning)                                                                   \
	other = boot;                                                                                        \
	other.member = !other.member;                                                                        \
	expect_difference(&boot, &other, meaning);                                                           \
	expect_difference(&boot, &other, other.member ? "has not " : "boot CPU, which has XSAVE");
	FEATURE_BITS(X)
#undef X
	other = boot;
	other.physical_bits = 39;
	expect_difference(&boot, &other, "physical addresses of 39 bits instead of 46");
	other = boot;
	other.memory_bits = 45;
	expect_difference(&boot, &other, "addresses of memory of 45 bits instead of 46");
	other = boot;
	other.linear_bits = 57;
	expect_difference(&boot, &other, "linear addresses of 57 bits instead of 48");
	other = boot;
	other.lam = true;
	expect_difference(
		&boot, &other, "has not linear-address masking (CPUID leaf 0x7 subleaf 1 eax bit 26)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(widths), cmocka_unit_test(bits),
		cmocka_unit_test(masking), cmocka_unit_test(differences)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
