// SPDX-License-Identifier: MIT
/* Adding and deleting watches of memory: which pages are taken, and that a watch which cannot be had takes nothing from the others. */
#include "unit.h"
#include <stdio.h>
#include <string.h>
#include "fake_vendor.h"
#undef skip /* cmocka's */
#include "apic/flush.h"
#include "cpu/moment.h"
#include "exit/intercept.h"
#include "exit/watch_access.h"
#include "exit/watch_change.h"
#include "exit/watch_exec.h"
#include "exit/watch_msr.h"
#include "exit/watch_piece.h"
#include "exit/watch_register.h"
#include "log/log.h"
#include "mem/guest_ram.h"
#include "mem/layout.h"
#include "stage2/private.h"
#include "stage2/stage2.h"
#include "trace/walk_trace.h"
#include "watch/watch.h"

#define CR3_A  0x5000ull
#define CR3_B  0x6000ull
#define HIDDEN 0x7000ull /* a page that cannot be taken */

/* Page tables in the guest's RAM, for watches that follow: the last level has one entry for each page. */
#define TABLES 0x10000ull
#define LEAVES (TABLES + 0x3000)

struct boot_info boot_info;
struct fake_ram fake_ram;
static struct cpu cpu;
static struct guest_paging guest;
static uint64_t gone; /* an address space whose tables are no more */
static struct stage2_range taken[STAGE2_RANGES];
static unsigned taken_count, register_changes, translations;
static bool no_memory, has_tables;
static uint64_t full; /* a page for which there is no memory */
static unsigned lines;
static uint64_t
	hole; /* a linear page that is not mapped, 0: none; those above it are next to those below it in memory */

static void paging(const struct cpu *c, struct guest_paging *out)
{
	*out = guest;
}

static uint64_t get(const struct cpu *c, enum guest_register r)
{
	return r == GUEST_CR3 ? guest.cr3 : fake_get(c, r);
}

FAKE_VENDOR(fake, .state.get = get, .state.paging = paging);
const struct vendor *vendor = &fake;

static bool translate(const struct guest_paging *p, uint64_t linear, uint64_t *physical)
{
	struct walk w;

	walk_trace(&w, p, linear, guest_read64);
	*physical = w.physical;
	return w.mapped;
}

/* Physical memory begins at 16 times CR3, unless there are page tables. */
bool guest_translate(const struct guest_paging *p, uint64_t linear, uint64_t *physical)
{
	translations++;
	if (has_tables)
		return translate(p, linear, physical);
	*physical = (p->cr3 << 4) + (linear & 0xffff) - (hole && linear > hole ? PAGE_SIZE : 0);
	return p->cr3 != gone && (!hole || linear / PAGE_SIZE != hole / PAGE_SIZE);
}

const char *stage2_take(const struct stage2_range *list, unsigned n)
{
	taken_count = 0;
	for (unsigned i = 0; i < n; i++)
		if (list[i].first == HIDDEN || list[i].first == full)
			return "hidden";
	if (n)
		memcpy(taken, list, n * sizeof(*list));
	taken_count = n;
	return NULL;
}

bool stage2_may_take(uint64_t gpa)
{
	return gpa / PAGE_SIZE != HIDDEN / PAGE_SIZE && gpa < 1ull << 40;
}

bool private_reserve(void)
{
	return !no_memory || taken_count < 2;
}

bool watch_access_reserve(void)
{
	return true;
}

void flush_hold(struct cpu *c)
{
}

void flush_release(struct cpu *c, bool changed)
{
}

void flush_serve(struct cpu *c)
{
}

void intercept_serve(struct cpu *c)
{
}

void moment(void)
{
}

void watch_exec_changed(struct cpu *c)
{
}

void watch_msr_handlers(bool on)
{
}

void watch_register_changed(struct cpu *c)
{
	register_changes++;
}

void watch_register_begin_all(void)
{
}

void log_print(const char *format, ...)
{
}

void log_line(const char *format, ...)
{
	lines++;
}

/* Returns the number, or 0. */
static uint16_t add(const char *words)
{
	char text[100];
	const char *bad;
	uint16_t id;

	snprintf(text, sizeof(text), "%s", words);
	return watch_set(&cpu, text, &id, &bad) ? 0 : id;
}

static bool takes(uint64_t page)
{
	for (unsigned i = 0; i < taken_count; i++)
		if (taken[i].first <= page && page <= taken[i].last)
			return true;
	return false;
}

static int begin(void **state)
{
	gone = UINT64_MAX;
	hole = 0;
	no_memory = has_tables = false;
	guest = (struct guest_paging){.cr0 = CR0_PG | CR0_PE, .cr3 = CR3_A, .cr4 = CR4_PAE, .efer = EFER_LMA};
	watch_delete_all();
	watch_changed(&cpu);
	assert_int_equal(taken_count, 0);
	register_changes = translations = lines = 0;
	full = UINT64_MAX;
	return 0;
}

/* The process of the first watch has ended. Its pages stay watched, and other watches come and go. */
static void keeps_what_is_resolved(void **state)
{
	uint16_t other;

	assert_int_not_equal(add("w linear 0x1000+8"), 0);
	assert_true(takes(CR3_A << 4 | 0x1000));
	gone = CR3_A;
	guest.cr3 = CR3_B;
	translations = 0;
	other = add("w linear 0x2000+8");
	assert_int_not_equal(other, 0);
	assert_int_equal(translations, 1);
	assert_true(takes(CR3_A << 4 | 0x1000));
	assert_true(takes(CR3_B << 4 | 0x2000));
	assert_true(watch_delete(other));
	watch_changed(&cpu);
	assert_true(takes(CR3_A << 4 | 0x1000));
	assert_false(takes(CR3_B << 4 | 0x2000));
	assert_int_equal(register_changes, 3);
	assert_int_equal(translations, 1);
}

/* Each is refused by something else: no page, memory of Trapline's, too little memory. */
static void refuses_the_new_one_alone(void **state)
{
	assert_int_not_equal(add("w linear 0x1000+8"), 0);
	gone = CR3_A;
	assert_int_equal(add("w linear 0x3000+8"), 0);
	assert_true(takes(CR3_A << 4 | 0x1000));
	assert_int_equal(add("w physical 0x7000+8"), 0);
	assert_true(takes(CR3_A << 4 | 0x1000));
	no_memory = true;
	assert_int_equal(add("w physical 0x9000+8"), 0);
	assert_true(takes(CR3_A << 4 | 0x1000));
	no_memory = false;
	assert_int_not_equal(add("w physical 0x9000+8"), 0);
	assert_int_equal(taken_count, 2);
}

/* A slot of the table is used again: the pieces are those of the new watch. */
static void same_slot(void **state)
{
	uint16_t id = add("w physical 0x9000+8");

	assert_true(takes(0x9000));
	assert_true(watch_delete(id));
	assert_int_not_equal(add("w physical 0xa000+8"), 0);
	assert_false(takes(0x9000));
	assert_true(takes(0xa000));
	assert_int_equal(taken_count, 1);
}

/* The pointers of PAE lie on 32 bytes; in long mode the low bits are a PCID. */
static void address_space(void **state)
{
	guest.efer = 0;
	guest.cr3 = 0x5fe8;
	assert_int_not_equal(add("w linear 0x1000+8"), 0);
	assert_int_equal(taken[0].first, 0x60000); /* 0x5fe0 << 4, and 0x1000 */
	guest.efer = EFER_LMA;
	guest.cr3 = 0x8000000000006fe8;
	assert_int_not_equal(add("w linear 0x2000+8"), 0);
	assert_int_equal(taken[1].first, 0x62000);
}

static void from_address_0(void **state)
{
	assert_int_not_equal(add("w linear 0+0x1001"), 0);
	assert_true(takes(CR3_A << 4));
	assert_true(takes(CR3_A << 4 | 0x1000));
	assert_int_not_equal(add("w linear 0xfffffffffffff000+0x1000"), 0);
	assert_true(takes(CR3_A << 4 | 0xf000));
}

/* Neighbours in memory that are none in the address space stay apart; pages that are both are one piece. */
static void linear_hole(void **state)
{
	hole = 0x2000;
	assert_int_not_equal(add("w linear 0x1000+0x3000"), 0);
	assert_int_equal(taken_count, 2);
	assert_int_equal(taken[0].last + PAGE_SIZE, taken[1].first);
	hole = 0;
	assert_int_not_equal(add("w linear 0x5000+0x3000"), 0);
	assert_int_equal(taken_count, 3);
}

static void map(unsigned page, uint64_t entry)
{
	memcpy(fake_ram.bytes + LEAVES + 8 * page, &entry, sizeof(entry));
}

static void make_tables(void)
{
	has_tables = true;
	memset(fake_ram.bytes, 0, sizeof(fake_ram.bytes));
	for (uint64_t at = TABLES; at < LEAVES; at += PAGE_SIZE) {
		uint64_t entry = (at + PAGE_SIZE) | 7;

		memcpy(fake_ram.bytes + at, &entry, sizeof(entry));
	}
	guest.cr3 = TABLES;
}

/* The step over a write to the tables has ended, and the work after it is done. */
static void serve(void)
{
	if (watch_pieces_moved())
		watch_change_serve(&cpu);
}

/* Only another mapping counts, not the bits that the CPU sets. */
static void follows(void **state)
{
	make_tables();
	map(1, 0x8003);
	assert_int_not_equal(add("w linear 0x1000+8 follow"), 0);
	assert_true(takes(0x8000) && takes(TABLES) && takes(LEAVES));
	map(1, 0x8063);
	assert_false(watch_pieces_moved());
	map(1, 0x9063);
	assert_true(watch_pieces_moved());
	watch_change_serve(&cpu);
	assert_true(takes(0x9000) && takes(LEAVES) && !takes(0x8000));
	assert_false(watch_pieces_moved());
	map(1, 0);
	serve();
	assert_true(takes(LEAVES) && !takes(0x9000));
	map(1, 0xa003);
	serve();
	assert_true(takes(0xa000));
}

/* Entries that lead to what cannot be watched: the others stay, and so do other watches and new ones. */
static void follows_garbage(void **state)
{
	static const uint64_t bad[] = {1ull << 51 | 0x8003, HIDDEN | 3};

	make_tables();
	map(1, 0x8003);
	map(2, 0x9003);
	assert_int_not_equal(add("w linear 0x1000+0x1008 follow"), 0);
	assert_int_not_equal(add("w linear 0x2000+8 follow"), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		map(1, bad[i]);
		serve();
		assert_true(takes(LEAVES) && takes(0x9000) && !takes(0x8000));
		assert_int_not_equal(add("reg cr0"), 0);
		assert_int_not_equal(add("w physical 0xa000+8"), 0);
		map(1, 0x8003);
		serve();
		assert_true(takes(LEAVES) && takes(0x9000) && takes(0x8000));
	}
	assert_int_equal(lines, 0);
	assert_int_equal(add("w linear 0x3000+8"), 0);
	assert_true(takes(0x8000));
}

/* No memory is left for the tables of a page: a line tells it, the others stay, and the next change finds the pages. */
static void cannot_follow(void **state)
{
	make_tables();
	map(1, 0x8003);
	assert_int_not_equal(add("w linear 0x1000+8 follow"), 0);
	assert_int_not_equal(add("w physical 0xa000+8"), 0);
	full = 0xb000;
	map(1, full | 3);
	serve();
	assert_int_equal(lines, 1);
	assert_true(takes(LEAVES) && takes(0xa000) && !takes(0x8000));
	assert_false(watch_pieces_moved());
	assert_int_not_equal(add("reg cr0"), 0);
	assert_int_not_equal(add("w physical 0xc000+8"), 0);
	assert_int_equal(add("w physical 0xb000+8"), 0);
	assert_true(takes(LEAVES) && takes(0xa000) && takes(0xc000));
	map(1, 0x9003);
	serve();
	assert_true(takes(0x9000));
	assert_int_equal(lines, 1);
}

/* A change that nobody has served yet comes with a watch that is added. */
static void added_while_moved(void **state)
{
	make_tables();
	map(1, 0x8003);
	assert_int_not_equal(add("w linear 0x1000+8 follow"), 0);
	map(1, 0x9003);
	assert_true(watch_pieces_moved());
	assert_int_equal(add("w physical 0x7000+8"), 0);
	assert_true(takes(0x9000) && takes(LEAVES));
	full = 0xb000;
	map(1, full | 3);
	assert_true(watch_pieces_moved());
	assert_int_not_equal(add("reg cr0"), 0);
	assert_true(takes(LEAVES) && !takes(0x9000));
	assert_int_equal(lines, 1);
}

static bool waits(uint16_t id)
{
	for_each_watch (w)
		if (w->id == id)
			return atomic_load(&w->waits);
	return false;
}

/* More pages are mapped than there are pieces: it is the word follow that is refused, or has to wait. */
static void follows_too_many(void **state)
{
	char words[] = "w linear 0+0x190000 follow";
	const char *bad;
	uint16_t id;

	make_tables();
	for (unsigned i = 0; i < 400; i++)
		map(i, 0x100003 + 2 * i * PAGE_SIZE);
	assert_non_null(strstr(watch_set(&cpu, words, &id, &bad), "follow"));
	for (unsigned i = 0; i < 400; i++)
		map(i, 0);
	map(0, 0x8003);
	id = add("w linear 0+0x190000 follow");
	assert_false(waits(id));
	for (unsigned i = 1; i < 400; i++)
		map(i, 0x100003 + 2 * i * PAGE_SIZE);
	serve();
	assert_int_equal(lines, 1);
	assert_true(waits(id));
	assert_true(takes(LEAVES) && takes(TABLES) && !takes(0x8000) && !takes(0x102000));
	assert_int_not_equal(add("reg cr0"), 0);
	for (unsigned i = 2; i < 400; i++)
		map(i, 0);
	serve();
	assert_true(takes(LEAVES) && takes(0x8000) && takes(0x102000));
	assert_int_equal(lines, 1);
	assert_false(waits(id));
}

/* Another CPU that serves the change is in another paging mode. */
static void follows_in_its_mode(void **state)
{
	static const struct guest_paging modes[] = {
		{.cr0 = CR0_PE}, {.cr0 = CR0_PG | CR0_PE}, {.cr0 = CR0_PG | CR0_PE, .cr4 = CR4_PAE}};

	make_tables();
	map(1, 0x8003);
	assert_int_not_equal(add("w linear 0x1000+8 follow"), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
		guest = modes[i];
		map(1, (0x9000 + i * PAGE_SIZE) | 3);
		serve();
		assert_true(takes(LEAVES) && takes(TABLES) && takes(0x9000 + i * PAGE_SIZE));
		assert_int_equal(taken_count, 5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(keeps_what_is_resolved, begin),
		cmocka_unit_test_setup(refuses_the_new_one_alone, begin),
		cmocka_unit_test_setup(same_slot, begin),
		cmocka_unit_test_setup(address_space, begin),
		cmocka_unit_test_setup(from_address_0, begin),
		cmocka_unit_test_setup(linear_hole, begin),
		cmocka_unit_test_setup(follows, begin),
		cmocka_unit_test_setup(follows_garbage, begin),
		cmocka_unit_test_setup(cannot_follow, begin),
		cmocka_unit_test_setup(added_while_moved, begin),
		cmocka_unit_test_setup(follows_too_many, begin),
		cmocka_unit_test_setup(follows_in_its_mode, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
