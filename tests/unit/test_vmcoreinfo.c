// SPDX-License-Identifier: MIT
/* Which note VMCOREINFO is taken in the dead guest's memory, and that the search lets other CPUs' SMIs in. The source is included. */
#include <stdio.h>
#include <string.h>
#include "unit.h"
#include "mem/guest_ram.h"
#include "exit/vmcoreinfo.c"

#define FORGED 0x3000ull
#define REAL   0x9000ull
#define SLIDE  0x1a200000ull

struct fake_ram fake_ram;
struct boot_info boot_info = {.ram_count = 2, .ram = {{0x1000, 0x4000}, {0x8000, 0x8000}}};
static struct names_block block;
static unsigned moments;

void moment(void)
{
	moments++;
}

static void put_note(uint64_t at, uint64_t slide)
{
	char text[100];
	uint32_t n[3] = {11};

	snprintf(text, sizeof(text), "OSRELEASE=6.1.0\nKERNELOFFSET=%llx\n", (unsigned long long)slide);
	n[1] = (uint32_t)strlen(text);
	memcpy(fake_ram.bytes + at, n, sizeof(n));
	memcpy(fake_ram.bytes + at + sizeof(n), "VMCOREINFO\0", 12);
	memcpy(fake_ram.bytes + at + sizeof(n) + 12, text, strlen(text));
}

static int setup(void **state)
{
	memset(&fake_ram, 0, sizeof(fake_ram));
	memset(&block, 0, sizeof(block));
	block.maps = 2;
	block.map[1].how = NAMES_FOUND;
	names_init(&block);
	moments = 0;
	return 0;
}

static void none(void **state)
{
	put_note(0x6000, SLIDE); /* between the ranges */
	put_note(0xa008, SLIDE); /* not at the beginning of a page */
	assert_int_equal(vmcoreinfo_find().size, 0);
}

/* A process has a page that looks like a note, at a lower address. */
static void forged(void **state)
{
	put_note(FORGED, 0);
	put_note(REAL, SLIDE);
	assert_int_equal(vmcoreinfo_find().base, FORGED); /* the slide is not known: the first one */
	names_set_slide(1, SLIDE);
	assert_int_equal(vmcoreinfo_find().base, REAL);
}

/* Better one that may be wrong than none. */
static void of_another_slide(void **state)
{
	put_note(FORGED, 0x2000000);
	put_note(REAL, 0x4000000);
	names_set_slide(1, SLIDE);
	assert_int_equal(vmcoreinfo_find().base, FORGED);
	assert_true(vmcoreinfo_find().size);
}

static void other_cpus(void **state)
{
	boot_info.ram[1].size = 4 * PAGES_A_MOMENT * PAGE_SIZE;
	assert_int_equal(vmcoreinfo_find().size, 0);
	assert_in_range(moments, 4, 6);
	boot_info.ram[1].size = 0x8000;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(none, setup),
		cmocka_unit_test_setup(forged, setup),
		cmocka_unit_test_setup(of_another_slide, setup),
		cmocka_unit_test_setup(other_cpus, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
