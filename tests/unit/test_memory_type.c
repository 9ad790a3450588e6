// SPDX-License-Identifier: MIT
/* Memory types from MTRRs: register values typed from the manual's examples (SDM vol. 3A 12.11). */
#include "unit.h"
#include "mem/memory_type.h"

#define MIB     0x100000ull
#define GIB     0x40000000ull
#define ENABLED 0x800ull
#define FIXED   0x400ull
#define ALL     (1ull << 40)

struct range {
	uint64_t base, size;
	unsigned type;
};

/* From 0 on, one after the other: the function must return exactly these ranges. */
static void expect_ranges(const struct mtrr_state *m, const struct range *ranges, unsigned n)
{
	uint64_t at = ranges[0].base;

	for (unsigned i = 0; i < n; i++) {
		uint64_t size = ALL - at;

		assert_int_equal(ranges[i].base, at);
		assert_int_equal(memory_type(m, at, &size), ranges[i].type);
		assert_int_equal(size, ranges[i].size);
		at += size;
	}
	assert_int_equal(at, ALL);
}

/* 12.11.3.1: 96 MiB of RAM with a 4 MiB hole at 64 MiB, a hole at 15 MiB, and a frame buffer at 0xa0000000.
 */
static void manual_example(void **state)
{
	const struct mtrr_state m = {
		.def_type = ENABLED | MEMORY_UC,
		.variable = {{0x00000006, 0xffc000800}, {0x04000006, 0xffe000800}, {0x06000006, 0xfffc00800},
			{0x04000000, 0xfffc00800}, {0x00f00000, 0xffff00800}, {0xa0000001, 0xfff800800}},
		.variables = 6,
		.physical_bits = 36,
	};
	static const struct range ranges[] = {
		{0, 15 * MIB, MEMORY_WB},
		{15 * MIB, MIB, MEMORY_UC},
		{16 * MIB, 48 * MIB, MEMORY_WB},
		{64 * MIB, 4 * MIB, MEMORY_UC},
		{68 * MIB, 32 * MIB, MEMORY_WB},
		{100 * MIB, 0xa0000000 - 100 * MIB, MEMORY_UC},
		{0xa0000000, 8 * MIB, MEMORY_WC},
	};
	uint64_t size = ALL - 0xa0800000;

	for (unsigned i = 0; i < ARRAY_SIZE(ranges); i++) {
		uint64_t part = ranges[i].size;

		assert_int_equal(memory_type(&m, ranges[i].base, &part), ranges[i].type);
		assert_int_equal(part, ranges[i].size);
	}
	assert_int_equal(memory_type(&m, 0xa0800000, &size), MEMORY_UC);
}

/* The size is the whole range of one type, across registers, and not more. */
static void stretches(void **state)
{
	const struct mtrr_state m = {
		.def_type = ENABLED | MEMORY_WB,
		.variable = {{0x80000000, 0xffc0000800}, {0xc0000000, 0xffe0000800},
			{0xe0000000, 0xffe0000800}},
		.variables = 3,
		.physical_bits = 40,
	};
	static const struct range ranges[] = {
		{0, 2 * GIB, MEMORY_WB},
		{2 * GIB, 2 * GIB, MEMORY_UC},
		{4 * GIB, ALL - 4 * GIB, MEMORY_WB},
	};

	expect_ranges(&m, ranges, ARRAY_SIZE(ranges));
}

/* 12.11.3: a mask with a hole: every second 64 KiB of a megabyte. */
static void discontiguous(void **state)
{
	const struct mtrr_state m = {
		.def_type = ENABLED | MEMORY_WB,
		.variable = {{0x10000000, 0xfffff10800}},
		.variables = 1,
		.physical_bits = 40,
	};

	for (uint64_t at = 0x10000000; at < 0x10100000; at += 0x1000) {
		uint64_t size = 0x1000;

		assert_int_equal(memory_type(&m, at, &size), at & 0x10000 ? MEMORY_WB : MEMORY_UC);
	}
}

/*
 * A mask whose range is every second page of all memory is ignored, because processing it would take
 * minutes.
 */
static void scattered(void **state)
{
	const struct mtrr_state m = {
		.def_type = ENABLED | MEMORY_WB,
		.variable = {{MEMORY_WB, 0x1800}, {0x80000000, 0xfffff80000800}},
		.variables = 2,
		.physical_bits = 52,
	};
	uint64_t size = 1ull << 50;

	assert_int_equal(memory_type(&m, 4 * GIB, &size), MEMORY_WB);
	assert_int_equal(size, 1ull << 50);
}

/* Table 12-9: each register has eight ranges, of 64, 16 or 4 KiB. */
static void fixed_ranges(void **state)
{
	struct mtrr_state m = {.def_type = ENABLED | FIXED | MEMORY_WB, .physical_bits = 36};
	static const struct range ranges[] = {
		{0x00000, 0x80000, MEMORY_WB},
		{0x80000, 0x20000, MEMORY_WT},
		{0xa0000, 0x20000, MEMORY_UC},
		{0xc0000, 0x08000, MEMORY_WP},
		{0xc8000, 0x37000, MEMORY_UC},
		{0xff000, 0x01000, MEMORY_WC},
		{0x100000, ALL - 0x100000, MEMORY_WB},
	};

	m.fixed[0] = 0x0606060606060606;
	m.fixed[1] = 0x0404040404040404;
	m.fixed[3] = 0x0505050505050505;
	m.fixed[10] = 0x0100000000000000;
	expect_ranges(&m, ranges, ARRAY_SIZE(ranges));
	m.def_type &= ~FIXED;
	expect_ranges(&m, &(struct range){0, ALL, MEMORY_WB}, 1);
}

/* Below 1 MiB the fixed ranges win over the variable ones (12.11.4.1). */
static void fixed_before_variable(void **state)
{
	struct mtrr_state m = {
		.def_type = ENABLED | FIXED,
		.variable = {{MEMORY_WT, 0xffffe00800}},
		.variables = 1,
		.physical_bits = 40,
	};
	static const struct range ranges[] = {
		{0, 0x10000, MEMORY_WB},
		{0x10000, 0xf0000, MEMORY_UC},
		{0x100000, 0x100000, MEMORY_WT},
		{0x200000, ALL - 0x200000, MEMORY_UC},
	};

	m.fixed[0] = MEMORY_WB;
	expect_ranges(&m, ranges, ARRAY_SIZE(ranges));
}

/* 12.11.4.1: UC over all others, WT over WB; every other mixture is undefined. */
static void precedence(void **state)
{
	static const struct {
		unsigned a, b, wanted;
	} cases[] = {
		{MEMORY_WB, MEMORY_WB, MEMORY_WB},
		{MEMORY_WB, MEMORY_UC, MEMORY_UC},
		{MEMORY_WC, MEMORY_UC, MEMORY_UC},
		{MEMORY_WB, MEMORY_WT, MEMORY_WT},
		{MEMORY_WT, MEMORY_WT, MEMORY_WT},
		{MEMORY_WC, MEMORY_WB, MEMORY_UC},
		{MEMORY_WP, MEMORY_WB, MEMORY_UC},
		{MEMORY_WC, MEMORY_WC, MEMORY_WC},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		for (unsigned swapped = 0; swapped < 2; swapped++) {
			unsigned a = swapped ? cases[i].b : cases[i].a, b = swapped ? cases[i].a : cases[i].b;
			const struct mtrr_state m = {
				.def_type = ENABLED | MEMORY_WP,
				.variable = {{GIB | a, 0xffc0000800}, {GIB | b, 0xffc0000800}},
				.variables = 2,
				.physical_bits = 40,
			};
			uint64_t size = 2 * GIB;

			assert_int_equal(memory_type(&m, GIB, &size), cases[i].wanted);
			size = GIB;
			assert_int_equal(memory_type(&m, 0, &size), MEMORY_WP);
		}
}

/* If the MTRRs are off, all memory is uncacheable (12.11.2.1); an invalid range is ignored. */
static void off(void **state)
{
	struct mtrr_state m = {
		.def_type = FIXED | MEMORY_WB,
		.variable = {{MEMORY_WB, 0xffc0000800}, {GIB | MEMORY_WT, 0xffc0000000}},
		.variables = 2,
		.physical_bits = 40,
	};
	static const struct range on[] = {{0, GIB, MEMORY_WB}, {GIB, ALL - GIB, MEMORY_WC}};

	expect_ranges(&m, &(struct range){0, ALL, MEMORY_UC}, 1);
	m.def_type = ENABLED | MEMORY_WC;
	expect_ranges(&m, on, ARRAY_SIZE(on));
}

/* Bits beyond MAXPHYADDR are not compared; a mask of nothing covers everything. */
static void mask_width(void **state)
{
	const struct mtrr_state m = {
		.def_type = ENABLED | MEMORY_UC,
		.variable = {{MEMORY_WB, 0xfff0000000000800}},
		.variables = 1,
		.physical_bits = 36,
	};

	expect_ranges(&m, &(struct range){0, ALL, MEMORY_WB}, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(manual_example),
		cmocka_unit_test(stretches),
		cmocka_unit_test(discontiguous),
		cmocka_unit_test(scattered),
		cmocka_unit_test(fixed_ranges),
		cmocka_unit_test(fixed_before_variable),
		cmocka_unit_test(precedence),
		cmocka_unit_test(off),
		cmocka_unit_test(mask_width),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
