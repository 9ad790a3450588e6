// SPDX-License-Identifier: MIT
/* Which records are important, and which one an end is blamed on: rules, sites and verdicts. */
#include <string.h>
#include "hw/x86.h"
#include "trace/important.h"
#include "trace/verdict.h"
#include "unit.h"
#include "note_site.h"

#define SECOND 1000000u
#define SMAP   (1u << 21)
#define AC     (1u << 18)
#define RING   64
#define WILD   0xffffffffdeadb000ull

static struct reserve reserve;
static struct trap_record ring[RING];
static uint64_t seq;

/* A page fault of 64-bit code. */
static struct trap_record fault(uint8_t cpl, uint64_t rip, uint64_t cr2, uint32_t error)
{
	return (struct trap_record){
		.vector = VEC_PF,
		.type = TRAP_TYPE_EXCEPTION,
		.flags = TRAP_HAS_CR2 | TRAP_HAS_ERROR,
		.cpl = cpl,
		.mode = 64,
		.cr0 = 0x80010033,
		.rip = rip,
		.cr2 = cr2,
		.cr3 = 0x1000,
		.error_code = error,
	};
}

static struct trap_record exception(uint8_t vector, uint8_t cpl, const char *code, unsigned length)
{
	struct trap_record r = fault(cpl, 0xffffffff81000000, 0, 0);

	r.vector = vector;
	r.flags = 0;
	r.code_len = (uint8_t)length;
	memcpy(r.code, code, length);
	return r;
}

static void important(void **state)
{
	struct trap_record r = fault(0, 0x1000, 0x30, 2);

	assert_true(trap_is_important(&r));
	r.cr4 = SMAP;
	r.rflags = AC; /* a copy from a program's null pointer */
	assert_false(trap_is_important(&r));
	r = fault(3, 0x1000, 0x10000, 6);
	assert_false(trap_is_important(&r)); /* demand paging */
	r.error_code |= PF_RSVD;
	assert_true(trap_is_important(&r));
	r = fault(0, WILD, WILD, PF_I);
	assert_true(trap_is_important(&r));
	r = fault(0, 0x1000, 0x400000, 2);
	assert_false(trap_is_important(&r)); /* a user copy */
	r = exception(VEC_NM, 0, "", 0);
	assert_false(trap_is_important(&r));
	r = exception(VEC_BP, 0, "\xcc", 1);
	r.type = TRAP_TYPE_SOFTEXC;
	assert_false(trap_is_important(&r));
	r = exception(VEC_GP, 3, "", 0);
	assert_true(trap_is_important(&r));
}

/* The hot path's test is never false for a record that the rules accept. CR2 is canonical. */
static void hot_path_agrees(void **state)
{
	static const uint64_t addresses[] = {0, 0xffff, 0x10000, 0x7fffffffffff, 0xff00000000000000, WILD};

	for (unsigned cpl = 0; cpl < 4; cpl++)
		for (uint32_t error = 0; error < 0x40; error++)
			for (unsigned i = 0; i < ARRAY_SIZE(addresses); i++) {
				struct trap_record r =
					fault((uint8_t)cpl & 3, addresses[i], addresses[i], error);

				r.cr4 = SMAP;
				if (trap_is_important(&r))
					assert_true(important_pf(error, addresses[i], (uint8_t)cpl & 3));
			}
}

static void take(struct trap_record r, uint64_t tsc)
{
	r.seq = ++seq;
	r.tsc = tsc;
	ring[seq % RING] = r;
	note_site(&reserve.sites, &r);
}

static int setup(void **state)
{
	memset(&reserve, 0, sizeof(reserve));
	memset(ring, 0, sizeof(ring));
	seq = 0;
	return 0;
}

/* A flood does not push out the first record of an important site. */
static void first_stays(void **state)
{
	struct trap_record first;
	unsigned found = 0;

	setup(state);
	take(fault(0, 0x5000, 0x30, 2), 1);
	for (unsigned i = 0; i < 100000; i++)
		take(fault(3, 0x400000 + i * 16, 0x700000, 6), 2 + i);
	for (unsigned i = 0; i < SITES_COUNT; i++) {
		const struct site *s = &reserve.sites.site[i];

		if (s->rip != 0x5000)
			continue;
		found++;
		assert_int_equal(s->count, 1);
		assert_true(site_first(&reserve.sites, s, &first));
		assert_int_equal(first.cr2, 0x30);
	}
	assert_int_equal(found, 1);
	assert_true(reserve.sites.lost > 0);
}

static const struct verdict_source *all(void)
{
	static const struct reserve *all_reserves[] = {&reserve};
	static const struct trap_record *all_rings[] = {ring};
	static const struct verdict_source s = {
		.cpus = 1, .reserve = all_reserves, .ring = all_rings, .records = RING, .second = SECOND};

	return &s;
}

static bool blamed(uint64_t since, uint64_t until, struct trap_record *out)
{
	return verdict_find(all(), since, until, out);
}

/* The first of the last burst, of the kernel only, and not one that its program has survived. */
static void blame(void **state)
{
	struct trap_record r, copy = fault(0, 0x6000, 0x20, 0);

	setup(state);
	assert_false(blamed(0, UINT64_MAX, &r));
	take(fault(3, 0x400000, 0x10, 6), 1 * SECOND);
	assert_false(blamed(0, UINT64_MAX, &r)); /* a program's */
	take(fault(0, 0x7000, WILD, 0), 2 * SECOND);
	take(fault(0, 0x5000, 0x30, 2), 10 * SECOND);
	take(fault(0, 0x5100, WILD, 0), 11 * SECOND);
	assert_true(blamed(0, UINT64_MAX, &r));
	assert_int_equal(r.rip, 0x5000);
	assert_true(blamed(0, 10 * SECOND, &r));
	assert_int_equal(r.rip, 0x7000);
	assert_false(blamed(12 * SECOND, UINT64_MAX, &r));
	copy.cr3 = 0x2000;
	take(copy, 20 * SECOND);
	copy = fault(3, 0x400000, 0x400000, 6);
	copy.cr3 = 0x2000;
	take(copy, 20 * SECOND + SECOND / 100);
	assert_true(blamed(0, UINT64_MAX, &r));
	assert_int_equal(r.rip, 0x5000);
}

/* More of them than the search visits. */
static void storm(void **state)
{
	struct trap_record r;

	setup(state);
	for (unsigned i = 0; i < RESERVE_VECTORS * RESERVE_RECORDS; i++) {
		struct trap_record *slot = &reserve.record[i / RESERVE_RECORDS][i % RESERVE_RECORDS];

		*slot = exception(VEC_GP, 0, "", 0);
		slot->seq = i + 1;
		slot->tsc = SECOND + i;
	}
	assert_true(blamed(0, UINT64_MAX, &r));
	assert_int_equal(r.seq, RESERVE_VECTORS * RESERVE_RECORDS - 64);
	assert_true(blamed(0, SECOND + 60, &r));
	assert_int_equal(r.seq, 1);
}

/* A page that is present by now: the fault was not fatal, and neither were earlier ones at the same place. */
static void mended(void **state)
{
	struct trap_record r, mapped = fault(0, 0x7000, WILD, 2), fatal = fault(0, 0x7000, WILD - 0x1000, 2);

	setup(state);
	take(mapped, 1 * SECOND);
	take(mapped, 2 * SECOND);
	mapped.tsc = 2 * SECOND;
	assert_true(blamed(0, UINT64_MAX, &r));
	sites_mend(&reserve.sites, &mapped);
	assert_false(blamed(0, UINT64_MAX, &r));
	for (unsigned i = 0; i < SITES_COUNT; i++)
		assert_false(
			reserve.sites.site[i].key && site_counts(&reserve.sites, i, &reserve.sites.site[i]));
	take(fatal, 3 * SECOND);
	reserve_add(&reserve, &ring[seq % RING], 1); /* as exit/exception.c does */
	assert_true(blamed(0, UINT64_MAX, &r));
	assert_int_equal(r.cr2, WILD - 0x1000);
}

/* A program's fault, if the program has not run on. A program that catches the signal has run on. */
static void program(void **state)
{
	const struct reserve *all_reserves[] = {&reserve};
	const struct trap_record *all_rings[] = {ring};
	const struct verdict_source s = {
		.cpus = 1, .reserve = all_reserves, .ring = all_rings, .records = RING, .second = SECOND};
	struct trap_record r, died = fault(3, 0x400000, 0x10, 6), later = fault(3, 0x500000, 0x700000, 6);

	setup(state);
	died.cr4 = SMAP;
	assert_false(verdict_find_program(&s, 0, &r));
	take(fault(0, 0x5000, 0x30, 2), 1 * SECOND);
	assert_false(verdict_find_program(&s, 0, &r));
	take(died, 2 * SECOND);
	assert_true(verdict_find_program(&s, 0, &r));
	assert_int_equal(r.rip, 0x400000);
	assert_false(verdict_find_program(&s, 3 * SECOND, &r));
	take(later, 2 * SECOND + SECOND / 100);
	assert_false(verdict_find_program(&s, 0, &r));
}

static void may_be_mended(void **state)
{
	struct trap_record r = fault(0, 0x7000, WILD, 2);

	assert_true(trap_may_be_mended(&r));
	r.error_code = PF_I;
	assert_true(trap_may_be_mended(&r));
	r.error_code = PF_P | PF_W;
	assert_false(trap_may_be_mended(&r));
	r = fault(0, 0x7000, 0x30, 2);
	assert_false(trap_may_be_mended(&r)); /* a null pointer */
	r = fault(3, 0x7000, WILD, 2);
	assert_false(trap_may_be_mended(&r)); /* a program has nothing there */
	r = fault(0, 0x7000, WILD, 2);
	r.flags |= TRAP_DOUBLED;
	assert_false(trap_may_be_mended(&r)); /* no handler was called */
	r = exception(VEC_UD, 0, "", 0);
	r.cr2 = WILD;
	assert_false(trap_may_be_mended(&r));
}

/* A story is repeated only if a record came since: the first of these that is not a probe of an MSR. */
static void newer(void **state)
{
	struct trap_record r, probe = exception(VEC_GP, 0, "\x0f\x32", 2); /* rdmsr */

	setup(state);
	take(fault(0, 0x5000, 0x30, 2), 10 * SECOND);
	assert_false(verdict_find_newer(all(), 10 * SECOND + 1, &r));
	take(probe, 11 * SECOND);
	assert_false(verdict_find_newer(all(), 10 * SECOND + 1, &r));
	take(fault(0, 0x6000, 0x38, 2), 11 * SECOND + 1);
	take(fault(0, 0x7000, 0x40, 2), 11 * SECOND + 2);
	assert_true(verdict_find_newer(all(), 10 * SECOND + 1, &r));
	assert_int_equal(r.rip, 0x6000);
	assert_true(blamed(0, UINT64_MAX, &r));
	assert_int_equal(r.rip, 0x5000);
	assert_true(verdict_find_before(all(), 0, 11 * SECOND + 1, &r));
	assert_int_equal(r.rip, 0x5000);
	assert_false(verdict_find_before(all(), 0, 10 * SECOND, &r));
}

static void expect_sentence(const struct trap_record *r, const char *wanted)
{
	char line[400];
	struct text t = text_on(line, sizeof(line));

	verdict_add(&t, r);
	assert_string_equal(line, wanted);
}

static void sentences(void **state)
{
	struct trap_record r = fault(0, 0xffffffff81000000, 0x30, 2);

	r.code_len = 8;
	memcpy(r.code, "\x48\xc7\x47\x30\x01\x00\x00\x00", 8); /* mov qword ptr [rdi+0x30], 1 */
	expect_sentence(&r, "the kernel wrote to address 0x30 through rdi, which was 0: a null pointer");
	r = fault(0, WILD, WILD, PF_I);
	expect_sentence(&r, "the kernel jumped to address 0xffffffffdeadb000: nothing is mapped there");
	r = fault(0, 0x1000, 0xffffc90000000ff8, 2);
	r.gpr[TRAP_RSP] = 0xffffc90000001000;
	expect_sentence(
		&r, "the kernel wrote to address 0xffffc90000000ff8: its stack has run out of memory");
	r = exception(VEC_DE, 3, "\xf7\xf1", 2); /* div ecx */
	expect_sentence(&r, "a program divided by zero: ecx was 0");
	r = exception(VEC_UD, 0, "\x0f\x0b", 2);
	expect_sentence(
		&r, "the kernel executed ud2: it gave up by itself (BUG, an assertion, unreachable code)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(important),
		cmocka_unit_test(hot_path_agrees),
		cmocka_unit_test(first_stays),
		cmocka_unit_test(blame),
		cmocka_unit_test(storm),
		cmocka_unit_test(mended),
		cmocka_unit_test(program),
		cmocka_unit_test(may_be_mended),
		cmocka_unit_test(newer),
		cmocka_unit_test(sentences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
