// SPDX-License-Identifier: MIT
/* Watches: the grammar, the table, and which accesses match. */
#include <stdio.h>
#include <string.h>
#include "unit.h"
#include "hw/msr.h"
#include "hw/x86.h"
#include "watch/msr_map.h"
#include "watch/watch.h"

static const char *parse(struct watch_spec *s, const char *words, const char **bad)
{
	static char text[256];

	snprintf(text, sizeof(text), "%s", words);
	return watch_parse(s, text, bad);
}

static struct watch_spec parsed(const char *words)
{
	struct watch_spec s;
	const char *bad, *why = parse(&s, words, &bad);

	if (why)
		fail_msg("%s: %s: %s", words, why, bad);
	return s;
}

static const char *formatted(const struct watch_spec *s)
{
	static char text[WATCH_TEXT_MAX];
	struct text t = text_on(text, sizeof(text));

	watch_format(&t, s);
	assert_false(t.cut);
	return text;
}

/* What is written back is the same watch, in one spelling. */
static void words(void **state)
{
	static const struct {
		const char *words, *again;
	} rows[] = {
		{"w 0x1234000+8", "w physical 0x1234000+8"},
		{"0x1000", "w physical 0x1000+1"},
		{"wr physical 4096/16", "rw physical 0x1000+16"},
		{"x linear 0xffffffff81000000-0xffffffff81ffffff once",
			"x linear 0xffffffff81000000-0xffffffff81ffffff once"},
		{"rw linear 0x1000+4096 cr3=0x5000", "rw linear 0x1000+4096 cr3=0x5000"},
		{"linear 0x1000 follow cr3=0x5000", "w linear 0x1000+1 cr3=0x5000 follow"},
		{"rwx 0-0xffffffffffffffff stop rate=10", "rwx physical 0x0-0xffffffffffffffff stop rate=10"},
		{"reg cr0.wp", "w reg cr0.WP"},
		{"reg CR4.smep,SMAP deny", "w reg cr4.SMEP,SMAP deny"},
		{"reg cr4.0x300000", "w reg cr4.SMEP,SMAP"},
		{"reg cr3.0x1000", "w reg cr3.0x1000"},
		{"reg cr0", "w reg cr0"},
		{"reg lstar stop", "w reg IA32_LSTAR stop"},
		{"rw reg ia32_lstar", "rw reg IA32_LSTAR"},
		{"reg kernel_gs_base.0x8000000000000000", "w reg IA32_KERNEL_GS_BASE.0x8000000000000000"},
		{"msr 0x1a0", "w reg IA32_MISC_ENABLE"},
		{"exec supervisor outside=0xffffffff81000000-0xffffffff81ffffff,4096+16,8 once",
			"exec supervisor outside=0xffffffff81000000-0xffffffff81ffffff,0x1000+16,0x8+1 once"},
		{"exec supervisor outside=0-0xffffffffffffffff,0x8000000000000000-0xffffffffffffffff,"
		 "0xfffffffffffffffe-0xffffffffffffffff,1-0xfffffffffffffffe deny rate=1000000",
			"exec supervisor "
			"outside=0x0-0xffffffffffffffff,0x8000000000000000-0xffffffffffffffff,"
			"0xfffffffffffffffe+2,0x1-0xfffffffffffffffe deny rate=1000000"},
		{"r msr lstar log", "r reg IA32_LSTAR"},
		{"msr 0x4b564d00", "w msr 0x4b564d00"},
		{"rw reg idtr", "rw reg idtr"},
		{"reg tr rate=0", "w reg tr"},
		{"reg dr7.gd once", "w reg dr7.GD once"},
		{"reg efer.nxe", "w reg efer.NXE"},
		{"reg xcr0", "w reg xcr0"},
		{"w linear 0x1000+8 except=0x2000+16", "w linear 0x1000+8 except=0x2000+16"},
		{"reg lstar except=0x2000-0x2fff,0x4000 deny except=0/16",
			"w reg IA32_LSTAR deny except=0x2000+4096,0x4000+1,0x0+16"},
		{"rwx linear 0xfffffffffffff000-0xffffffffffffffff stop rate=1000000 cr3=0xffffffffff000 "
		 "except=0xfffffffffff00000-0xfffffffffff80000,0xfffffffffff00000-0xfffffffffff80000,"
		 "0xfffffffffff00000-0xfffffffffff80000",
			"rwx linear 0xfffffffffffff000+4096 stop rate=1000000 cr3=0xffffffffff000 "
			"except=0xfffffffffff00000-0xfffffffffff80000,0xfffffffffff00000-0xfffffffffff80000,"
			"0xfffffffffff00000-0xfffffffffff80000"},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct watch_spec s = parsed(rows[i].words), again;

		assert_string_equal(formatted(&s), rows[i].again);
		again = parsed(rows[i].again);
		assert_string_equal(formatted(&again), rows[i].again);
	}
}

static void values(void **state)
{
	struct watch_spec s = parsed("rw linear 0x1000-0x1fff once rate=7 cr3=0x2000");

	assert_int_equal(s.space, WATCH_LINEAR);
	assert_int_equal(s.access, WATCH_READ | WATCH_WRITE);
	assert_int_equal(s.action, WATCH_ONCE);
	assert_int_equal(s.first, 0x1000);
	assert_int_equal(s.last, 0x1fff);
	assert_int_equal(s.rate, 7);
	assert_int_equal(s.cr3, 0x2000);
	s = parsed("reg cr0.wp,pg");
	assert_int_equal(s.space, WATCH_REGISTER);
	assert_int_equal(s.reg, WATCH_CR0);
	assert_int_equal(s.access, WATCH_WRITE);
	assert_true(s.mask == (CR0_WP | CR0_PG));
	s = parsed("w 0x1000 except=0x2000+2,0x3000,0x4000,0x5000");
	assert_int_equal(s.excepts, WATCH_EXCEPT_MAX);
	s = parsed("reg lstar");
	assert_int_equal(s.excepts, 0);
	assert_int_equal(s.reg, WATCH_MSR);
	assert_int_equal(s.msr, MSR_LSTAR);
}

/* A refused text names the wrong word, says what would be right, and changes nothing. */
static void refusals(void **state)
{
	static const struct {
		const char *words, *bad, *why;
	} rows[] = {
		{"", "", "what to watch is missing"},
		{"w", "", "what to watch is missing"},
		{"rw linear", "", "what to watch is missing"},
		{"reg", "", "what to watch is missing"},
		{"w nothing", "nothing", "not a range of bytes"},
		{"w 0x1000+0", "0x1000", "not a range of bytes"},
		{"w 0x1000-0xfff", "0x1000", "not a range of bytes"},
		{"w 0xffffffffffffffff+2", "0xffffffffffffffff", "not a range of bytes"},
		{"w 0x1000+", "0x1000", "not a range of bytes"},
		{"reg cr2", "cr2", "no such register"},
		{"reg cr0.smep", "cr0", "no such bits"},
		{"reg cr0.", "cr0", "no such bits"},
		{"reg cr0.wp,", "", NULL},
		{"reg gdtr.g", "gdtr", "no such bits"},
		{"msr 0x100000000", "0x100000000", "32 bits"},
		{"msr nothing", "nothing", "no such MSR"},
		{"x reg cr0", "", "not executed"},
		{"rw reg cr0", "", "w only"},
		{"rw reg lstar.1", "", "writes only"},
		{"w 0x1000 often", "often", "log, once, stop, deny, rate=N"},
		{"w 0x1000 rate=1000001", "rate=1000001", "rate=N (1000000 at most)"},
		{"w 0x1000 cr3=0x5000", "cr3=0x5000", "log, once"},
		{"w 0x1000 follow", "follow", "log, once"},
		{"w linear 0x1000 cr3=x", "cr3=x", "cr3=N"},
		{"w 0x1000 except=", "except=", "except= and 4 ranges"},
		{"w 0x1000 except=1,", "except=1", "except= and 4 ranges"},
		{"w 0x1000 except=2-1", "except=2", "except= and 4 ranges"},
		{"w 0x1000 except=1,2,3 except=4,5", "except=4", "except= and 4 ranges"},
		{"reg cr0 except=commit_creds", "except=commit_creds", "except= and 4 ranges"},
		{"exec supervisor outside=1 except=2", "except=2", "no except="},
		{"exec supervisor outside=1 often", "often", "no except="},
		{"w 1 2 3 4 5 6 7 8 9 10 11 12 13", "", "too many words"},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct watch_spec s, before;
		const char *bad = NULL, *why;

		memset(&s, 0x5a, sizeof(s));
		before = s;
		why = parse(&s, rows[i].words, &bad);
		if (!rows[i].why) {
			assert_null(why);
			continue;
		}
		assert_non_null(why);
		assert_non_null(strstr(why, rows[i].why));
		assert_string_equal(bad, rows[i].bad);
		assert_memory_equal(&s, &before, sizeof(s));
	}
}

static unsigned count(void)
{
	unsigned n = 0;

	for_each_watch (w)
		n++;
	return n;
}

static void table(void **state)
{
	struct watch_spec s = parsed("w 0x1000+8"), r = parsed("reg lstar"), copy;
	struct watch *one = watch_add(&s), *two = watch_add(&r);
	uint32_t generation;
	uint16_t id;

	assert_int_equal(count(), 2);
	assert_int_not_equal(one->id, two->id);
	assert_true(watch_any(WATCH_REGISTER) && watch_any(WATCH_PHYSICAL) && watch_any_memory());
	assert_true(watch_read(one, &id, &copy, &generation));
	assert_int_equal(id, one->id);
	assert_memory_equal(&copy, &s, sizeof(s));
	assert_true(watch_delete(id));
	assert_false(watch_delete(id));
	assert_false(watch_read(one, &id, &copy, &generation));
	assert_false(watch_any_memory());
	assert_int_equal(watch_delete_all(), 1);
	assert_int_equal(count(), 0);
}

/* A hit may end a watch only if it is still the one that was found. */
static void retire(void **state)
{
	struct watch_spec s = parsed("w 0x1000+8 once"), copy;
	struct watch *w = watch_add(&s);
	uint32_t found, generation;
	uint16_t id;

	assert_true(watch_read(w, &id, &copy, &found));
	assert_true(watch_retire(w, found));
	assert_false(watch_retire(w, found));
	assert_ptr_equal(watch_add(&s), w);
	assert_false(watch_retire(w, found));
	assert_true(watch_read(w, &id, &copy, &generation));
	assert_int_not_equal(found, generation);
	watch_delete_all();
}

/* The table holds WATCH_MAX watches; their numbers are never 0, never the same, and begin again only after 65535. */
static void full(void **state)
{
	struct watch_spec s = parsed("w 0x1000+8");
	uint16_t first = watch_add(&s)->id;

	for (unsigned i = 1; i < WATCH_MAX; i++)
		assert_non_null(watch_add(&s));
	assert_null(watch_add(&s));
	for (unsigned i = 0; i < 70000; i++) {
		struct watch *w = watch_next(NULL);

		if (w->id == first)
			w = watch_next(w);
		assert_true(watch_delete(w->id));
		w = watch_add(&s);
		assert_true(w->id && w->id != first);
	}
	assert_int_equal(watch_delete_all(), WATCH_MAX);
}

static void registers(void **state)
{
	struct watch_spec wp = parsed("reg cr0.wp"), cr0 = parsed("reg cr0"), cr3 = parsed("reg cr3"),
			  lstar = parsed("rw reg lstar"), idtr = parsed("r reg idtr");

	assert_true(watch_register_hits(&wp, WATCH_CR0, 0, WATCH_WRITE, CR0_WP, 0));
	assert_false(watch_register_hits(&wp, WATCH_CR0, 0, WATCH_WRITE, CR0_WP, CR0_WP | CR0_TS));
	assert_false(watch_register_hits(&wp, WATCH_CR4, 0, WATCH_WRITE, CR0_WP, 0));
	assert_true(watch_register_hits(&cr0, WATCH_CR0, 0, WATCH_WRITE, 0, CR0_TS));
	assert_false(watch_register_hits(&cr0, WATCH_CR0, 0, WATCH_WRITE, CR0_TS, CR0_TS));
	assert_true(watch_register_hits(&cr3, WATCH_CR3, 0, WATCH_WRITE, 0x1000, 0x1000));
	assert_true(watch_register_hits(&lstar, WATCH_MSR, MSR_LSTAR, WATCH_WRITE, 1, 1));
	assert_true(watch_register_hits(&lstar, WATCH_MSR, MSR_LSTAR, WATCH_READ, 1, 1));
	assert_false(watch_register_hits(&lstar, WATCH_MSR, MSR_STAR, WATCH_WRITE, 1, 2));
	assert_true(watch_register_hits(&idtr, WATCH_IDTR, 0, WATCH_READ, 1, 1));
	assert_false(watch_register_hits(&idtr, WATCH_IDTR, 0, WATCH_WRITE, 1, 2));
	watch_add(&wp);
	assert_true(watch_register_mask(WATCH_CR0, 0, WATCH_WRITE) == CR0_WP);
	watch_add(&cr0);
	watch_add(&lstar);
	assert_true(watch_register_mask(WATCH_CR0, 0, WATCH_WRITE) == UINT64_MAX);
	assert_true(watch_register_mask(WATCH_MSR, MSR_LSTAR, WATCH_READ) == UINT64_MAX);
	assert_true(watch_register_mask(WATCH_MSR, MSR_EFER, WATCH_READ) == 0);
	watch_delete_all();
}

/* The bounds belong to a range. */
static void excepts(void **state)
{
	struct watch_spec none = parsed("w 0x1000"), s = parsed("w 0x1000 except=0x2000+16,0x4000");

	assert_false(watch_excepts(&none, 0) || watch_excepts(&none, 0x2000));
	assert_true(watch_excepts(&s, 0x2000) && watch_excepts(&s, 0x200f) && watch_excepts(&s, 0x4000));
	assert_false(watch_excepts(&s, 0x1fff) || watch_excepts(&s, 0x2010) || watch_excepts(&s, 0x4001));
}

static void rate(void **state)
{
	struct watch_spec s = parsed("w 0x1000 rate=2"), all = parsed("w 0x1000");
	struct watch *w = watch_add(&s);
	unsigned records = 0;

	for (unsigned i = 0; i < 10; i++)
		records += watch_hit(w, 5000 + i, 1000);
	assert_int_equal(records, 2);
	for (unsigned i = 0; i < 10; i++)
		records += watch_hit(w, 6500 + i, 1000);
	assert_int_equal(records, 4);
	assert_int_equal(w->hits, 20);
	assert_int_equal(w->limited, 16);
	w = watch_add(&all);
	assert_true(watch_hit(w, 5000, 1000) && watch_hit(w, 5000, 1000));
	watch_delete_all();
}

/* Every listed name leads to its number, or to the first register of that name. */
static void msr_names(void **state)
{
	uint32_t found;

#define X(number, enumerator, name)                                                                          \
	assert_true(msr_number(name, &found));                                                               \
	assert_string_equal(msr_name(found), name);
	MSR_LIST(X)
	MSR_BANKS(X)
#undef X
	assert_true(msr_number("Lstar", &found) && found == MSR_LSTAR);
	assert_false(msr_number("", &found) || msr_number("ia32_", &found) || msr_number("lsta", &found) ||
		     msr_number("lstarr", &found));
}

/* The permission map: what exits for the VMM itself stays on, and a watch that goes takes back only its own bits. */
static struct {
	uint32_t msr;
	unsigned exits;
} map[4] = {
	{MSR_EFER, WATCH_READ | WATCH_WRITE}, {MSR_LSTAR, 0}, {MSR_APIC_BASE, WATCH_WRITE}, {MSR_STAR, 0}};

static unsigned set(uint32_t msr, unsigned accesses)
{
	for (unsigned i = 0; i < ARRAY_SIZE(map); i++)
		if (map[i].msr == msr) {
			unsigned before = map[i].exits;

			map[i].exits = accesses;
			return before;
		}
	fail();
	return 0;
}

static void expect_map(unsigned efer, unsigned lstar, unsigned apic, unsigned star)
{
	assert_int_equal(map[0].exits, efer);
	assert_int_equal(map[1].exits, lstar);
	assert_int_equal(map[2].exits, apic);
	assert_int_equal(map[3].exits, star);
}

static void msr_map(void **state)
{
	struct watch_msr_map m = {0};
	struct watch_spec lstar = parsed("reg lstar"), both = parsed("rw reg lstar"),
			  efer = parsed("reg efer.nxe"), apic = parsed("r reg apic_base"),
			  cr0 = parsed("reg cr0");
	uint16_t first, second;

	watch_add(&cr0);
	first = watch_add(&lstar)->id;
	watch_msr_map_update(&m, set);
	expect_map(3, 2, 2, 0);
	second = watch_add(&both)->id;
	watch_add(&efer);
	watch_add(&apic);
	watch_msr_map_update(&m, set);
	expect_map(3, 3, 3, 0);
	watch_delete(second);
	watch_msr_map_update(&m, set);
	expect_map(3, 2, 3, 0);
	watch_delete(first);
	watch_msr_map_update(&m, set);
	expect_map(3, 0, 3, 0);
	watch_delete_all();
	watch_msr_map_update(&m, set);
	expect_map(3, 0, 2, 0);
	assert_int_equal(m.count, 0);
}

static void accepted_values(void **state)
{
	assert_true(watch_msr_accepts(MSR_LSTAR, 0xffff800000000000, false));
	assert_false(watch_msr_accepts(MSR_LSTAR, 0xffff000000000000, false));
	assert_true(watch_msr_accepts(MSR_LSTAR, 0xffff000000000000, true));
	assert_false(watch_msr_accepts(MSR_FS_BASE, 0x0000800000000000, false));
	assert_true(watch_msr_accepts(MSR_STAR, 0xffff000000000000, false));
	assert_true(watch_msr_accepts(MSR_PAT, 0x0007040600070406, false));
	assert_false(watch_msr_accepts(MSR_PAT, 0x0007040200070406, false));
	assert_false(watch_msr_accepts(MSR_PAT, 0x0807040600070406, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(values),
		cmocka_unit_test(refusals),
		cmocka_unit_test(table),
		cmocka_unit_test(retire),
		cmocka_unit_test(full),
		cmocka_unit_test(registers),
		cmocka_unit_test(rate),
		cmocka_unit_test(excepts),
		cmocka_unit_test(msr_names),
		cmocka_unit_test(msr_map),
		cmocka_unit_test(accepted_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
