// SPDX-License-Identifier: MIT
/* Rights that watches take from pages: split leaves, leaves that are put together again, and the tables of one CPU alone. */
#include "unit.h"
#include <string.h>
#include "fake_vendor.h"
#include "hw/features.h"
#include "hw/x86.h"
#include "log/log.h"
#include "mem/mtrr.h"
#include "stage2/exec.h"
#include "stage2/private.h"
#include "stage2/spare.h"
#include "stage2/stage2.h"
#include "stage2/taken.h"

#define POOL_PAGES 512
#include "fake_pool.h"

#define GIB   (1ull << 30)
#define PAGE  0x40201000ull /* in the second GiB */
#define OTHER 0x40202000ull

struct boot_info boot_info;
struct features features;
static struct cpu cpu0;
struct cpu *cpus[BOOT_MAX_CPUS] = {&cpu0};

uint64_t pool_left(void)
{
	return pool_end ? (pool_end - pool_used) * PAGE_SIZE : GIB;
}

void log_line(const char *format, ...)
{
}

void mtrr_read(struct mtrr_state *m)
{
}

static struct vendor_traits traits = {.stage2_largest = 3, .stage2_set = PTE_ACCESSED | PTE_DIRTY};

#define USER_EXECUTES (1ull << 10) /* EPT's bit */

static bool copies; /* another CPU copies its tables in the middle of each change */

/* As AMD-V: what cannot be read is not present. With a right of user mode's own it is as VT-x in this one respect. */
static uint64_t bits(uint64_t gpa, uint64_t *size, unsigned rights)
{
	bool user = traits.stage2_by_mode && rights & (STAGE2_FETCH | STAGE2_FETCH_USER);

	if (copies)
		private_refresh(&cpu0);
	if (!(rights & STAGE2_READ))
		return 0;
	return PTE_PRESENT | PTE_USER | (rights & STAGE2_WRITE ? PTE_WRITE : 0) |
	       (rights & STAGE2_FETCH ? 0 : PTE_NX) | (user ? USER_EXECUTES : 0);
}

FAKE_VENDOR(fake, .traits = &traits, .stage2.bits = bits);
const struct vendor *vendor = &fake;

static uint64_t leaf(uint64_t root, uint64_t gpa, unsigned *level)
{
	struct page_tables t = stage2_tables;
	const uint64_t *at;

	t.root = root;
	at = paging_leaf(&t, gpa, level);
	return at ? *at : 0;
}

static uint64_t shared(uint64_t gpa, unsigned *level)
{
	return leaf(stage2_tables.root, gpa, level);
}

static uint64_t own(uint64_t gpa)
{
	unsigned level;

	return leaf(cpu0.private_tables->root, gpa, &level);
}

static int begin(void **state)
{
	static bool made;

	features.physical_bits = features.memory_bits = 36;
	features.huge_pages = true;
	boot_info.cpus = 1;
	if (!made)
		assert_null(stage2_init());
	made = true;
	traits.stage2_by_mode = false;
	assert_null(stage2_take(NULL, 0));
	return 0;
}

/* The large leaf is split, and is the same large leaf afterwards; its tables are used again. */
static void splits_and_joins(void **state)
{
	const struct stage2_range range = {PAGE, PAGE, STAGE2_WRITE};
	unsigned level;
	uint64_t before = shared(PAGE, &level), spare;

	assert_int_equal(level, 3);
	assert_null(stage2_take(&range, 1));
	assert_int_equal(shared(PAGE, &level) & ~STAGE2_TAKEN, PAGE | PTE_PRESENT | PTE_USER);
	assert_int_equal(level, 1);
	assert_true(shared(OTHER, &level) & PTE_WRITE);
	*paging_leaf(&stage2_tables, OTHER, &level) |= PTE_ACCESSED | PTE_DIRTY; /* the CPU's */
	assert_null(stage2_take(NULL, 0));
	assert_int_equal(shared(PAGE, &level), before);
	assert_int_equal(level, 3);
	spare = spare_count();
	assert_int_equal(spare, 2);
	assert_null(stage2_take(&range, 1));
	assert_int_equal(spare_count(), 0);
}

/* A leaf with other contents, such as hidden memory, is never joined. */
static void keeps_other_leaves(void **state)
{
	const struct stage2_range range = {PAGE, PAGE, STAGE2_WRITE | STAGE2_READ};
	unsigned level;

	boot_info.piece[0] = (struct boot_range){OTHER, PAGE_SIZE};
	boot_info.piece_count = 1;
	assert_null(stage2_take(&range, 1));
	assert_int_equal(shared(PAGE, &level), PAGE | STAGE2_TAKEN); /* not present, and not empty */
	*paging_leaf(&stage2_tables, OTHER, &level) = PTE_PRESENT | PTE_USER;
	assert_null(stage2_take(NULL, 0));
	shared(PAGE, &level);
	assert_int_equal(level, 1);
	*paging_leaf(&stage2_tables, OTHER, &level) = OTHER | PTE_PRESENT | PTE_USER | PTE_WRITE;
	boot_info.piece_count = 0;
}

static void refuses_hidden_memory(void **state)
{
	const struct stage2_range range[] = {{PAGE, PAGE, STAGE2_WRITE}, {OTHER, OTHER, STAGE2_WRITE}};

	boot_info.piece[0] = (struct boot_range){OTHER, PAGE_SIZE};
	boot_info.piece_count = 1;
	assert_non_null(stage2_take(range, 2));
	assert_int_equal(stage2_rights(PAGE), STAGE2_ALL); /* nothing is taken */
	boot_info.piece_count = 0;
}

/* A list that is refused takes nothing, and what was taken before is given back: no leaf is left that nothing explains. */
static void refused_list_gives_back(void **state)
{
	const struct stage2_range old = {PAGE, PAGE, STAGE2_WRITE},
				  next[] = {{PAGE + LARGE_PAGE, PAGE + LARGE_PAGE, STAGE2_WRITE},
					  {OTHER, OTHER, STAGE2_WRITE}};
	unsigned level;
	uint64_t before = shared(PAGE, &level);

	assert_null(stage2_take(&old, 1));
	boot_info.piece[0] = (struct boot_range){OTHER, PAGE_SIZE};
	boot_info.piece_count = 1;
	assert_non_null(stage2_take(next, 2));
	boot_info.piece_count = 0;
	assert_int_equal(stage2_taken(PAGE), 0);
	assert_int_equal(shared(PAGE, &level) & (STAGE2_TAKEN | PTE_WRITE), PTE_WRITE);
	assert_int_equal(shared(next[0].first, &level) & (STAGE2_TAKEN | PTE_WRITE), PTE_WRITE);
	assert_true(stage2_permits(PAGE, STAGE2_WRITE));
	assert_int_equal(shared(PAGE, &level), before);
	assert_null(stage2_take(&old, 1));
	assert_int_equal(shared(PAGE, &level) & (STAGE2_TAKEN | PTE_WRITE), STAGE2_TAKEN);
}

/* The guest may not move its APIC to the page of a watch: the next change of any watch would be refused for that page, and end all. */
static void keeps_apic_out(void **state)
{
	const struct stage2_range range = {PAGE, PAGE, STAGE2_WRITE};

	assert_null(stage2_take(&range, 1));
	assert_false(stage2_watch(0, PAGE));
	assert_null(stage2_take(&range, 1));
	assert_null(stage2_take(NULL, 0));
	assert_true(stage2_watch(0, PAGE));
	assert_non_null(stage2_take(&range, 1));
	assert_true(stage2_watch(0, 4 * GIB));
	assert_null(stage2_take(&range, 1));
}

/* A page that reads as ones, beside a watched one: a CPU's own tables have it as the shared ones do, whenever they were copied. */
static void copies_changes(void **state)
{
	const struct stage2_range range = {PAGE, PAGE, STAGE2_WRITE};
	struct cpu cpu1 = {.number = 0};
	unsigned level;

	boot_info.piece[0] = (struct boot_range){OTHER, PAGE_SIZE};
	boot_info.piece_count = 1;
	assert_null(stage2_take(&range, 1));
	assert_true(private_reserve());
	assert_true(stage2_show(0, OTHER, PAGE_SIZE)); /* with the lock, so nobody copies meanwhile */
	assert_true(stage2_show(0, OTHER, PAGE_SIZE)); /* another CPU has asked for it as well */
	copies = true;
	stage2_open_scratch(&cpu1, OTHER);
	private_refresh(&cpu0);
	assert_int_equal(own(OTHER), shared(OTHER, &level));
	assert_true(stage2_close_scratch(&cpu1));
	private_refresh(&cpu0);
	assert_int_equal(own(OTHER), shared(OTHER, &level));
	copies = false;
	stage2_show(0, OTHER, 0);
	boot_info.piece_count = 0;
	*paging_leaf(&stage2_tables, OTHER, &level) = OTHER | PTE_PRESENT | PTE_USER | PTE_WRITE;
}

/* Only this CPU's tables have the right, and only until they are closed. */
static void opens_for_one_cpu(void **state)
{
	const struct stage2_range range[] = {{PAGE, PAGE, STAGE2_WRITE}, {OTHER, OTHER, STAGE2_READ}};
	unsigned level;

	assert_null(stage2_take(range, 2));
	assert_true(private_reserve());
	private_open(&cpu0, PAGE + 8, STAGE2_WRITE);
	assert_true(own(PAGE) & PTE_WRITE);
	assert_false(shared(PAGE, &level) & PTE_WRITE);
	assert_false(own(OTHER) & PTE_PRESENT);
	private_open(&cpu0, PAGE, STAGE2_WRITE);  /* it is open: the CPU used a stale translation */
	private_open(&cpu0, OTHER, STAGE2_WRITE); /* what can be written can be read */
	assert_true(own(OTHER) & PTE_PRESENT);
	/* the tables change meanwhile: they are copied again, and what is open stays */
	*paging_leaf(&stage2_tables, PAGE + 8 * PAGE_SIZE, &level) |= PTE_ACCESSED;
	atomic_fetch_add(&stage2_version, 1);
	private_refresh(&cpu0);
	assert_true(own(PAGE + 8 * PAGE_SIZE) & PTE_ACCESSED);
	assert_true(own(PAGE) & PTE_WRITE);
	private_close(&cpu0);
	assert_false(own(PAGE) & PTE_WRITE);
	assert_false(own(OTHER) & PTE_PRESENT);
}

/* For the delivery of an event nothing can be executed, and everything else stays as it is. */
static void stops_fetches(void **state)
{
	const struct stage2_range range = {PAGE, PAGE, STAGE2_WRITE};
	const uint64_t *top;

	assert_null(stage2_take(&range, 1));
	assert_true(private_reserve());
	private_refresh(&cpu0);
	top = pool_virt(cpu0.private_tables->root);
	assert_false(top[0] & PTE_NX);
	private_fetch(&cpu0, false);
	assert_true(top[0] & PTE_NX);
	assert_true(top[0] & PTE_PRESENT);
	private_close(&cpu0);
	assert_false(top[0] & PTE_NX);
}

/* More pages in one step than there is room for: the oldest is closed, and nothing else happens. */
static void many_pages(void **state)
{
	const struct stage2_range range = {PAGE, PAGE + 200 * PAGE_SIZE, STAGE2_WRITE};

	assert_null(stage2_take(&range, 1));
	assert_true(private_reserve());
	for (uint64_t i = 0; i < 150; i++)
		private_open(&cpu0, PAGE + i * PAGE_SIZE, STAGE2_WRITE);
	assert_true(own(PAGE + 149 * PAGE_SIZE) & PTE_WRITE);
	assert_false(own(PAGE) & PTE_WRITE);
	private_close(&cpu0);
	for (uint64_t i = 0; i < 150; i++)
		assert_false(own(PAGE + i * PAGE_SIZE) & PTE_WRITE);
}

/* The pool has so many pages beyond those that it keeps. */
static void has_left(uint64_t pages)
{
	pool_end = pool_used + STAGE2_RESERVE / PAGE_SIZE + pages;
}

/* The tables of a CPU take nothing from what the pool keeps, and what is not enough for them is not lost. */
static void keeps_the_reserve(void **state)
{
	static struct cpu cpu1 = {.number = 1};
	const struct stage2_range range = {PAGE, PAGE, STAGE2_WRITE};

	boot_info.cpus = 2;
	cpus[1] = &cpu1;
	assert_null(stage2_take(&range, 1));
	while (spare_count())
		spare_take(1);
	has_left(2);
	assert_false(private_reserve());
	assert_int_equal(pool_left() + spare_count() * PAGE_SIZE, STAGE2_RESERVE + 2 * PAGE_SIZE);
	has_left(5 - spare_count()); /* three for itself, and two of the three tables */
	assert_false(private_reserve());
	assert_int_equal(pool_left() + spare_count() * PAGE_SIZE, STAGE2_RESERVE);
	has_left(1);
	assert_true(private_reserve());
	assert_int_equal(pool_left() + spare_count() * PAGE_SIZE, STAGE2_RESERVE);
	pool_end = 0;
	boot_info.cpus = 1;
}

/* Pages that are open to execution stay pages when a watch among them goes: a store has to find its own page. */
static void keeps_open_pages(void **state)
{
	const struct stage2_range range = {PAGE, PAGE, STAGE2_WRITE};
	uint64_t first = PAGE & ~(LARGE_PAGE - 1);
	unsigned level;

	exec_switch(true);
	for (unsigned i = 0; i < 512; i++)
		exec_open(first + i * PAGE_SIZE);
	assert_null(stage2_take(&range, 1));
	assert_null(stage2_take(NULL, 0));
	shared(PAGE, &level);
	assert_int_equal(level, 1);
	assert_int_equal(exec_state(PAGE), EXEC_STATE_OPEN);
	exec_close(PAGE);
	assert_true(stage2_permits(PAGE, STAGE2_WRITE));
	assert_false(stage2_permits(OTHER, STAGE2_WRITE));
	exec_switch(false);
	shared(PAGE, &level);
	assert_true(level > 1);
}

/* What is split for the watch of execution is put together again, whichever part of its GiB it is. */
static void joins_all_of_exec(void **state)
{
	static const uint64_t pages[] = {PAGE & ~(GIB - 1), PAGE, (PAGE | (GIB - 1)) & ~(PAGE_SIZE - 1)};
	unsigned level;
	uint64_t before = shared(PAGE, &level);

	assert_int_equal(level, 3);
	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
		exec_switch(true);
		exec_open(pages[i]);
		if (i == 1)
			exec_open(pages[2]);
		exec_switch(false);
		assert_int_equal(shared(pages[i], &level), before);
		assert_int_equal(level, 3);
	}
}

/* A stepped page keeps the rights that it has besides the one that the step needs, user mode's own among them. */
static void keeps_right_of_user_mode(void **state)
{
	const struct stage2_range range = {PAGE, PAGE, STAGE2_WRITE};
	unsigned level;

	traits.stage2_by_mode = true;
	exec_switch(true);
	assert_null(stage2_take(&range, 1));
	assert_int_equal(shared(PAGE, &level) & (PTE_WRITE | USER_EXECUTES), USER_EXECUTES);
	assert_true(private_reserve());
	private_open(&cpu0, PAGE, STAGE2_WRITE);
	assert_int_equal(own(PAGE) & (PTE_WRITE | USER_EXECUTES), PTE_WRITE | USER_EXECUTES);
	assert_true(own(PAGE) & PTE_NX);
	private_close(&cpu0);
	exec_switch(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(splits_and_joins, begin),
		cmocka_unit_test_setup(keeps_other_leaves, begin),
		cmocka_unit_test_setup(refuses_hidden_memory, begin),
		cmocka_unit_test_setup(refused_list_gives_back, begin),
		cmocka_unit_test_setup(keeps_apic_out, begin),
		cmocka_unit_test_setup(copies_changes, begin),
		cmocka_unit_test_setup(opens_for_one_cpu, begin),
		cmocka_unit_test_setup(stops_fetches, begin),
		cmocka_unit_test_setup(many_pages, begin),
		cmocka_unit_test_setup(keeps_the_reserve, begin),
		cmocka_unit_test_setup(keeps_open_pages, begin),
		cmocka_unit_test_setup(joins_all_of_exec, begin),
		cmocka_unit_test_setup(keeps_right_of_user_mode, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
