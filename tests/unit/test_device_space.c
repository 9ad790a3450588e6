// SPDX-License-Identifier: MIT
/* Addresses for devices: one as high as on Xeons among others, in page tables in this process's memory. */
#include "unit.h"
#include <string.h>
#include "hw/x86.h"
#include "mem/device_space.h"
#include "hw/x86.h"
#include "mem/paging.h"

#define XEON_BAR 0x383fe0000000ull
#define BITS     (PTE_PRESENT | PTE_WRITE | PTE_NX | PTE_PCD)
#define TABLES   16

static uint64_t alloc(uint64_t pages)
{
	static uint8_t memory[TABLES * PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
	static uint64_t used;

	used += pages;
	assert_true(used <= TABLES);
	return (uint64_t)memory + (used - pages) * PAGE_SIZE;
}

static const struct device {
	uint64_t phys, size;
} devices[] = {
	{0xfedc9000, PAGE_SIZE},
	{XEON_BAR, 8ull << 20},
	{XEON_BAR + 0x1000, 2 * PAGE_SIZE},
	{(1ull << 52) - PAGE_SIZE, PAGE_SIZE},
	{0xc0000000, 32ull << 20},
};

/* Each device is mapped to its last page, and no mapping overlaps another. */
static void windows(void **state)
{
	struct page_tables tables = {.root = alloc(1),
		.link = PTE_PRESENT | PTE_WRITE,
		.present = PTE_PRESENT,
		.largest = 2,
		.alloc = alloc};
	struct device_space space = {DEVICE_BASE};
	uint64_t at[ARRAY_SIZE(devices)];
	unsigned level;

	for (unsigned i = 0; i < ARRAY_SIZE(devices); i++) {
		at[i] = device_space_take(&space, devices[i].phys, devices[i].size);
		assert_in_range(at[i], i ? at[i - 1] + devices[i - 1].size : DEVICE_BASE, DEVICE_LIMIT - 1);
		assert_true(paging_map(&tables, at[i], devices[i].phys, devices[i].size, BITS));
	}
	for (unsigned i = 0; i < ARRAY_SIZE(devices); i++)
		for (uint64_t offset = 0; offset < devices[i].size; offset += PAGE_SIZE) {
			const uint64_t *leaf = paging_leaf(&tables, at[i] + offset, &level);

			assert_non_null(leaf);
			assert_int_equal((*leaf & PTE_ADDRESS) + (level == 2 ? offset & (LARGE_PAGE - 1) : 0),
				devices[i].phys + offset);
		}
	assert_non_null(paging_leaf(&tables, at[1], &level));
	assert_int_equal(level, 2); /* a frame buffer is in large pages */
}

/* The range stays inside its slot: it reaches neither the lower half, which is the firmware's, nor another part of the upper one. */
static void ends(void **state)
{
	struct device_space space = {DEVICE_BASE};

	assert_int_equal(DEVICE_BASE >> 47, 0x1ffff);
	assert_true(DEVICE_LIMIT > DEVICE_BASE);
	assert_int_equal(device_space_take(&space, 0, DEVICE_LIMIT - DEVICE_BASE + PAGE_SIZE), 0);
	assert_int_equal(device_space_take(&space, (1ull << 52) - PAGE_SIZE, 2 * PAGE_SIZE), 0);
	assert_int_equal(device_space_take(&space, ~0ull & ~(PAGE_SIZE - 1), PAGE_SIZE), 0);
	assert_int_equal(device_space_take(&space, 0, DEVICE_LIMIT - DEVICE_BASE), DEVICE_BASE);
	assert_int_equal(device_space_take(&space, 0, PAGE_SIZE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows),
		cmocka_unit_test(ends),
	};

	return cmocka_run_group_tests_name("device_space", tests, NULL, NULL);
}
