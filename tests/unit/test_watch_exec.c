// SPDX-License-Identifier: MIT
/* The watch of execution: which pages are opened and closed by what, what is told, and the ranges. */
#include "unit.h"
#include <stdio.h>
#include <string.h>
#include "fake_vendor.h"
#undef skip /* cmocka's */
#include "apic/flush.h"
#include "exit/exception.h"
#include "exit/watch_exec.h"
#include "exit/watch_hit.h"
#include "guest/insn.h"
#include "hw/features.h"
#include "log/log.h"
#include "mem/guest_ram.h"
#include "mem/mtrr.h"
#include "stage2/exec.h"
#include "stage2/spare.h"
#include "stage2/stage2.h"
#include "trace/vector.h"
#include "watch/exec_ranges.h"

#define POOL_PAGES 64
#include "fake_pool.h"

#define INSIDE 0x2000ull
#define HEAP   0x5000ull
#define USER   (3 << 8 | 64)

struct boot_info boot_info;
struct features features;
struct fake_ram fake_ram;
static struct cpu cpu0;
struct cpu *cpus[BOOT_MAX_CPUS] = {&cpu0};
static uint64_t left, rip, caller, told_at;
static unsigned told, faults, released;

uint64_t pool_left(void)
{
	return left;
}

void log_line(const char *format, ...)
{
}

void mtrr_read(struct mtrr_state *m)
{
}

void flush_hold(struct cpu *c)
{
}

void flush_release(struct cpu *c, bool changed)
{
	released += changed;
}

void exception_raise(struct cpu *c, uint8_t vector, uint32_t error)
{
	assert_int_equal(vector, VEC_GP);
	faults++;
}

uint64_t insn_address(const struct cpu *c)
{
	return rip;
}

/* One to one, except for the page of zeros. */
bool guest_translate(const struct guest_paging *p, uint64_t linear, uint64_t *physical)
{
	*physical = linear;
	return linear >= PAGE_SIZE;
}

void watch_hit_begin(struct cpu *c, struct trap_record *r)
{
	memset(r, 0, sizeof(*r));
}

void watch_hit_values(struct trap_record *r, uint64_t old, uint64_t new)
{
}

void watch_hit_end(struct cpu *c, struct watch *w, uint32_t generation, struct trap_record *r)
{
	assert_int_equal(r->watch_access, WATCH_EXECUTE);
	told++;
	told_at = r->cr2;
}

static uint64_t get(const struct cpu *c, enum guest_register r)
{
	return r == GUEST_CALLER ? caller : fake_get(c, r);
}

/* As VT-x with mode-based execute control: bit 1 write, bit 2 execute in supervisor mode, bit 10 in user mode. */
static uint64_t bits(uint64_t gpa, uint64_t *size, unsigned rights)
{
	return 1 | (rights & STAGE2_WRITE) | (rights & STAGE2_FETCH) |
	       (rights & (STAGE2_FETCH | STAGE2_FETCH_USER) ? 1 << 10 : 0);
}

static struct vendor_traits traits = {.stage2_largest = 2};
FAKE_VENDOR(fake, .traits = &traits, .state.get = get, .stage2.bits = bits);
const struct vendor *vendor = &fake;

static uint64_t leaf(uint64_t gpa)
{
	uint64_t size;

	return stage2_leaf(gpa, &size) & ~PTE_ADDRESS;
}

static uint64_t size_at(uint64_t gpa)
{
	uint64_t size;

	stage2_leaf(gpa, &size);
	return size;
}

static enum exec_exit exits(unsigned access, uint64_t at)
{
	rip = at;
	cpu0.exit = (struct exit){.address = at, .qualifier = access | STAGE2_PRESENT};
	return watch_exec_stage2(&cpu0);
}

static void set(const char *words)
{
	struct watch_spec s;
	char text[200];
	const char *bad;

	snprintf(text, sizeof(text), "%s", words);
	assert_null(watch_parse(&s, text, &bad));
	assert_non_null(watch_add(&s));
	watch_exec_changed(&cpu0);
}

static int begin(void **state)
{
	static bool made;

	features.physical_bits = features.memory_bits = 30;
	boot_info.cpus = 1;
	if (!made)
		assert_null(stage2_init());
	made = true;
	left = 1ull << 30;
	caller = 64;
	traits.stage2_by_mode = false;
	watch_delete_all();
	watch_exec_changed(&cpu0);
	memset(&fake_ram, 0, sizeof(fake_ram));
	told = faults = 0;
	return 0;
}

/* Without the watch the tables are as they were, and no exit is its. */
static void off(void **state)
{
	uint64_t before = leaf(HEAP);

	assert_int_equal(exits(STAGE2_FETCH, HEAP), EXEC_NOT_MINE);
	set("exec supervisor outside=0x1000-0x2fff");
	assert_int_equal(leaf(HEAP), before & ~(4 | 1ull << 10));
	assert_int_equal(exits(STAGE2_FETCH, HEAP), EXEC_CHANGED);
	assert_int_equal(size_at(HEAP), PAGE_SIZE);
	begin(NULL);
	assert_int_equal(size_at(HEAP), LARGE_PAGE);
	assert_int_equal(leaf(HEAP), before);
}

static void once_a_page_and_content(void **state)
{
	set("exec supervisor outside=0x1000-0x2fff");
	assert_int_equal(exits(STAGE2_FETCH, INSIDE), EXEC_CHANGED);
	assert_int_equal(told, 0);
	assert_int_equal(exits(STAGE2_FETCH, HEAP + 16), EXEC_CHANGED);
	assert_int_equal(told, 1);
	assert_int_equal(told_at, HEAP + 16);
	assert_int_equal(leaf(HEAP) & 7, 1 | STAGE2_FETCH);
	/* another CPU had a stale translation: the exit is not this watch's, and the caller flushes */
	assert_int_equal(exits(STAGE2_FETCH, HEAP), EXEC_NOT_MINE);
	/* a store closes it; the same contents are not told again, others are */
	assert_int_equal(exits(STAGE2_WRITE, HEAP), EXEC_CHANGED);
	assert_int_equal(leaf(HEAP) & 7, 1 | STAGE2_WRITE);
	assert_int_equal(exits(STAGE2_FETCH, HEAP), EXEC_CHANGED);
	assert_int_equal(told, 1);
	assert_int_equal(exits(STAGE2_WRITE | STAGE2_WALK, HEAP), EXEC_CHANGED);
	fake_ram.bytes[HEAP + 100] = 1;
	assert_int_equal(exits(STAGE2_FETCH, HEAP), EXEC_CHANGED);
	assert_int_equal(told, 2);
	/* a store to a page that is closed is not the watch's, nor is a walk that reads */
	assert_int_equal(exits(STAGE2_WRITE, HEAP + PAGE_SIZE), EXEC_NOT_MINE);
	assert_int_equal(exits(STAGE2_READ | STAGE2_WALK, HEAP), EXEC_NOT_MINE);
}

static void change_bits(unsigned word, uint64_t bits)
{
	uint64_t *at = (uint64_t *)&fake_ram.bytes[HEAP] + word;

	*at ^= bits;
}

/* The highest bit goes through a multiplication unchanged: a second change does not hide the first one. */
static void highest_bits(void **state)
{
	static const struct {
		unsigned word;
		uint64_t bits;
	} second[] = {{1, 1ull << 63}, {511, 1ull << 63}, {1, 1ull << 63 | 1ull << 31}, {1, 1ull << 31}};

	set("exec supervisor outside=0x1000-0x2fff");
	for (unsigned i = 0; i < ARRAY_SIZE(second); i++) {
		assert_int_equal(exits(STAGE2_FETCH, HEAP), EXEC_CHANGED);
		assert_int_equal(told, i + 1);
		assert_int_equal(exits(STAGE2_WRITE, HEAP), EXEC_CHANGED);
		change_bits(0, 1ull << 63);
		change_bits(second[i].word, second[i].bits);
	}
}

/* The instruction begins in the page before. */
static void across(void **state)
{
	set("exec supervisor outside=0x1000-0x2fff");
	rip = INSIDE + PAGE_SIZE - 2;
	cpu0.exit = (struct exit){.address = INSIDE + PAGE_SIZE, .qualifier = STAGE2_FETCH};
	assert_int_equal(watch_exec_stage2(&cpu0), EXEC_CHANGED);
	assert_int_equal(told_at, INSIDE + PAGE_SIZE);
}

/* Code that writes to its own page gets both rights after some turns, and never spins for ever. */
static void both_at_once(void **state)
{
	unsigned turns = 0;

	set("exec supervisor outside=0x1000-0x2fff");
	while (exits(STAGE2_FETCH, HEAP) == EXEC_CHANGED && exits(STAGE2_WRITE, HEAP) == EXEC_CHANGED)
		turns++;
	assert_int_equal(turns, EXEC_TURNS);
	assert_int_equal(leaf(HEAP) & 7, 7);
	assert_int_equal(exec_mixed(), 1);
}

static void user_mode(void **state)
{
	set("exec supervisor outside=0x1000-0x2fff");
	caller = USER;
	assert_int_equal(exits(STAGE2_FETCH, HEAP), EXEC_CHANGED);
	assert_int_equal(told, 0);
	/* other contents since: then it is seen in supervisor mode */
	assert_int_equal(exits(STAGE2_WRITE, HEAP), EXEC_CHANGED);
	caller = 64;
	assert_int_equal(exits(STAGE2_FETCH, HEAP), EXEC_CHANGED);
	assert_int_equal(told, 1);
}

/* Where the CPU tells the modes apart, a closed page can be executed by user mode. */
static void by_mode(void **state)
{
	traits.stage2_by_mode = true;
	set("exec supervisor outside=0x1000-0x2fff");
	assert_int_equal(leaf(HEAP) & (7 | 1 << 10), 1 | STAGE2_WRITE | 1 << 10);
	assert_int_equal(exits(STAGE2_FETCH, HEAP), EXEC_CHANGED);
	assert_int_equal(leaf(HEAP) & (7 | 1 << 10), 1 | STAGE2_FETCH | 1 << 10);
	assert_int_equal(exits(STAGE2_WRITE, HEAP), EXEC_CHANGED);
	assert_int_equal(leaf(HEAP) & (7 | 1 << 10), 1 | STAGE2_WRITE | 1 << 10);
}

static void denies(void **state)
{
	set("exec supervisor outside=0x1000-0x2fff deny");
	assert_int_equal(exits(STAGE2_FETCH, HEAP), EXEC_DENIED);
	assert_int_equal(exits(STAGE2_FETCH, HEAP), EXEC_DENIED);
	assert_int_equal(told, 2);
	assert_int_equal(faults, 2);
	assert_int_equal(exits(STAGE2_FETCH, INSIDE), EXEC_CHANGED);
}

/* For a capture kernel: nothing is refused any more, and the pages are what they were. */
static void ends(void **state)
{
	uint64_t before = leaf(HEAP);

	watch_exec_end(); /* there is none */
	set("exec supervisor outside=0x1000-0x2fff deny");
	assert_int_equal(exits(STAGE2_FETCH, HEAP), EXEC_DENIED);
	watch_exec_end();
	assert_false(watch_any(WATCH_EXEC));
	assert_int_equal(exits(STAGE2_FETCH, HEAP), EXEC_NOT_MINE);
	assert_int_equal(leaf(HEAP), before);
	assert_int_equal(size_at(INSIDE), LARGE_PAGE);
}

/* The large page is opened, and counted. */
static void without_memory(void **state)
{
	set("exec supervisor outside=0x1000-0x2fff");
	left = 0;
	while (spare_count() > 2)
		spare_take(1);
	assert_int_equal(exits(STAGE2_FETCH, HEAP), EXEC_CHANGED);
	assert_int_equal(exec_unseen(), LARGE_PAGE);
	assert_int_equal(leaf(HEAP) & 7, 7);
	assert_int_equal(size_at(HEAP), LARGE_PAGE);
}

static const char *change(const char *list, bool allow)
{
	char text[200];

	snprintf(text, sizeof(text), "%s", list);
	return watch_exec_allow(&cpu0, text, allow);
}

static void allows_and_forbids(void **state)
{
	assert_null(change("0x5000+4096", true)); /* before the watch */
	set("exec supervisor outside=0x1000-0x2fff");
	assert_null(change("0x8000-0x8fff", true));
	exits(STAGE2_FETCH, HEAP);
	assert_int_equal(told, 0);
	assert_null(change("0x5000-0x5fff", false));
	assert_int_equal(leaf(HEAP) & 7, 1 | STAGE2_WRITE);
	exits(STAGE2_FETCH, HEAP);
	assert_int_equal(told, 1);
	assert_null(change("0-0xffffffffffffffff", false));
	exits(STAGE2_FETCH, 0x8000);
	assert_int_equal(told, 2);
	assert_non_null(change("1,2,3,4,5", true));
	assert_non_null(change("x", true));
	assert_non_null(change("", true));
}

/* Against a list of bytes. */
static void ranges(void **state)
{
	bool model[256] = {false};
	uint32_t random = 1;

	exec_ranges_clear();
	for (unsigned n = 0; n < 20000; n++) {
		struct watch_range r;
		bool allow;

		random = random * 1664525 + 1013904223;
		r.first = random >> 24;
		r.last = r.first + (random >> 16 & 15);
		allow = random >> 12 & 1;
		(allow ? exec_ranges_allow : exec_ranges_forbid)(&r);
		for (uint64_t i = r.first; i <= r.last && i < 256; i++)
			model[i] = allow;
		for (unsigned i = 0; i < 256; i++)
			assert_int_equal(exec_ranges_have(i), model[i]);
	}
	exec_ranges_clear();
	exec_ranges_allow(&(struct watch_range){0, UINT64_MAX});
	assert_true(exec_ranges_have(UINT64_MAX));
	exec_ranges_forbid(&(struct watch_range){1, UINT64_MAX});
	assert_true(exec_ranges_have(0));
	assert_false(exec_ranges_have(1));
	exec_ranges_clear();
	for (uint64_t i = 0; i < 2 * EXEC_RANGES_MAX; i++)
		exec_ranges_allow(&(struct watch_range){4 * i, 4 * i});
	assert_int_equal(exec_ranges_count(), EXEC_RANGES_MAX);
	assert_false(exec_ranges_fit(1));
	exec_ranges_allow(&(struct watch_range){0, UINT64_MAX});
	assert_int_equal(exec_ranges_count(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(off, begin),
		cmocka_unit_test_setup(once_a_page_and_content, begin),
		cmocka_unit_test_setup(highest_bits, begin),
		cmocka_unit_test_setup(across, begin),
		cmocka_unit_test_setup(both_at_once, begin),
		cmocka_unit_test_setup(user_mode, begin),
		cmocka_unit_test_setup(by_mode, begin),
		cmocka_unit_test_setup(denies, begin),
		cmocka_unit_test_setup(ends, begin),
		cmocka_unit_test_setup(without_memory, begin),
		cmocka_unit_test_setup(allows_and_forbids, begin),
		cmocka_unit_test(ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
