// SPDX-License-Identifier: MIT
/*
 * The walk of the guest's page tables with every right checked: each paging mode, each right, and the
 * accessed and dirty bits that are set (SDM vol. 3A 4.3 to 4.8).
 */
#include <string.h>
#include "mem/guest_access.h"
#include "mem/guest_ram.h"
#include "unit.h"

struct fake_ram fake_ram;

#define P       1ull
#define W       2ull
#define U       4ull
#define A       0x20ull
#define D       0x40ull
#define PS      0x80ull
#define NX      (1ull << 63)
#define KEY(n)  ((uint64_t)(n) << 59)
#define CR0     0x80010001ull /* PG, WP, PE */
#define CR0_NWP 0x80000001ull
#define PAE     0x20ull
#define PSE     0x10ull
#define LA57    0x1000ull
#define SMEP    0x100000ull
#define SMAP    0x200000ull
#define PKE     0x400000ull
#define PKS     0x1000000ull
#define LMA     0x500ull
#define NXE     0x800ull

#define DATA 0x20000ull /* the page to which all entries lead */

static void put64(uint64_t at, uint64_t v)
{
	memcpy(fake_ram.bytes + at, &v, 8);
}

static uint64_t get64(uint64_t at)
{
	uint64_t v;

	memcpy(&v, fake_ram.bytes + at, 8);
	return v;
}

static void put32(uint64_t at, uint32_t v)
{
	memcpy(fake_ram.bytes + at, &v, 4);
}

static uint32_t get32(uint64_t at)
{
	uint32_t v;

	memcpy(&v, fake_ram.bytes + at, 4);
	return v;
}

static struct guest_view view_of(uint64_t cr0, uint64_t cr4, uint64_t efer)
{
	return (struct guest_view){.paging = {.cr0 = cr0, .cr3 = 0x1000, .cr4 = cr4, .efer = efer},
		.huge_pages = true,
		.physical_bits = 40};
}

/* 4 levels at 0x1000, 0x2000, 0x3000, 0x4000; linear 0x5000 + offset. */
static struct guest_view long_mode(uint64_t leaf_bits)
{
	memset(&fake_ram, 0, sizeof(fake_ram));
	put64(0x1000, 0x2000 | P | W | U);
	put64(0x2000, 0x3000 | P | W | U);
	put64(0x3000, 0x4000 | P | W | U);
	put64(0x4000 + 5 * 8, DATA | leaf_bits);
	return view_of(CR0, PAE, LMA | NXE);
}

/* The result of an access that faults: its error code. */
#define FAULT(error) (1ull << 63 | (error))

static uint64_t go(const struct guest_view *v, uint64_t linear, enum guest_access_kind kind)
{
	struct guest_page page;

	switch (guest_access(v, linear, kind, &page)) {
	case ACCESS_OK:
		return page.physical;
	case ACCESS_FAULT:
		return FAULT(page.error);
	case ACCESS_NOT_RAM:
		return ~0ull;
	default:
		return ~1ull;
	}
}

static void four_levels(void **state)
{
	struct guest_view v = long_mode(P | W | U);

	assert_int_equal(go(&v, 0x5123, GUEST_READ), DATA + 0x123);
	assert_int_equal(get64(0x4000 + 5 * 8), DATA | P | W | U | A);
	assert_int_equal(get64(0x1000) & (A | D), A);
	assert_int_equal(get64(0x2000) & (A | D), A);
	assert_int_equal(get64(0x3000) & (A | D), A);
	assert_int_equal(go(&v, 0x5123, GUEST_WRITE), DATA + 0x123);
	assert_int_equal(get64(0x4000 + 5 * 8), DATA | P | W | U | A | D);
	assert_int_equal(go(&v, 0x6000, GUEST_READ), FAULT(0));
	v.user = true;
	assert_int_equal(go(&v, 0x6000, GUEST_WRITE), FAULT(6));
	assert_int_equal(go(&v, 0x6000, GUEST_FETCH), FAULT(0x14));
	assert_int_equal(go(&v, 1ull << 40, GUEST_READ), FAULT(4));
}

static void large_pages(void **state)
{
	struct guest_view v = long_mode(0);

	put64(0x3008, PS | P | W); /* 2 MiB at 0 */
	assert_int_equal(go(&v, 0x200000 + DATA + 7, GUEST_WRITE), DATA + 7);
	assert_int_equal(get64(0x3008), PS | P | W | A | D);
	put64(0x2008, PS | P | W); /* 1 GiB at 0 */
	assert_int_equal(go(&v, (1ull << 30) + DATA, GUEST_READ), DATA);
	assert_int_equal(get64(0x2008), PS | P | W | A);
	v.huge_pages = false;
	assert_int_equal(go(&v, (1ull << 30) + DATA, GUEST_READ), FAULT(9));
	v.huge_pages = true;
	put64(0x3008, PS | P | W | 1 << 13); /* an address bit within the page */
	assert_int_equal(go(&v, 0x200000 + DATA, GUEST_READ), FAULT(9));
	put64(0x3008, PS | P | W | 1 << 12); /* PAT is no address bit */
	assert_int_equal(go(&v, 0x200000 + DATA, GUEST_READ), DATA);
}

static void five_levels(void **state)
{
	struct guest_view v = long_mode(P | W | U);

	v.paging.cr4 |= LA57;
	v.paging.cr3 = 0x6000;
	put64(0x6000 + 3 * 8, 0x1000 | P | W | U);
	assert_int_equal(go(&v, (3ull << 48) + 0x5000, GUEST_WRITE), DATA);
	assert_int_equal(get64(0x6018) & (A | D), A);
	assert_int_equal(go(&v, 0x5000, GUEST_READ), FAULT(0));
	put64(0x6018, 0x1000 | P | W | U | PS);
	assert_int_equal(go(&v, (3ull << 48) + 0x5000, GUEST_READ), FAULT(9));
}

static void pae(void **state)
{
	struct guest_view v;

	memset(&fake_ram, 0, sizeof(fake_ram));
	v = view_of(CR0, PAE, NXE);
	v.paging.cr3 = 0x1020;     /* aligned to 32 */
	put64(0x1028, 0x3000 | P); /* no W, no U there: they do not count */
	put64(0x3000, 0x4000 | P | W | U);
	put64(0x4000 + 5 * 8, DATA | P | W | U);
	v.user = true;
	assert_int_equal(go(&v, 0x40005010, GUEST_WRITE), DATA + 0x10);
	assert_int_equal(get64(0x1028), 0x3000 | P); /* and no accessed bit */
	assert_int_equal(get64(0x3000) & (A | D), A);
	assert_int_equal(get64(0x4028) & (A | D), A | D);
	assert_int_equal(go(&v, 0x5010, GUEST_READ), FAULT(4));
	put64(0x3008, PS | P | W | U);
	assert_int_equal(go(&v, 0x40200000 + DATA, GUEST_READ), DATA);
	put64(0x4028, DATA | P | U | 1ull << 52);
	assert_int_equal(go(&v, 0x40005010, GUEST_READ), FAULT(0xd));
}

static void thirty_two_bits(void **state)
{
	struct guest_view v;

	memset(&fake_ram, 0, sizeof(fake_ram));
	v = view_of(CR0, PSE, 0);
	put32(0x1004, 0x2000 | P | W | U);
	put32(0x2000 + 7 * 4, DATA | P | W | U);
	v.user = true;
	assert_int_equal(go(&v, 0x407abc, GUEST_WRITE), DATA + 0xabc);
	assert_int_equal(get32(0x1004) & (A | D), A);
	assert_int_equal(get32(0x201c), DATA | P | W | U | A | D);
	assert_int_equal(get32(0x2018), 0); /* the neighbours are left alone */
	assert_int_equal(get32(0x2020), 0);
	put32(0x1008, PS | P | W | U);
	assert_int_equal(go(&v, 0x800000 + DATA + 1, GUEST_READ), DATA + 1);
	put32(0x1008, PS | P | W | U | 1 << 21);
	assert_int_equal(go(&v, 0x800000 + DATA, GUEST_READ), FAULT(0xd));
	put32(0x1008, PS | P | W | U | 1 << 13); /* PSE-36: 4 GiB up, where there is nothing */
	assert_int_equal(go(&v, 0x800000 + DATA, GUEST_READ), ~0ull);
	v.paging.cr4 = 0; /* then it is a table */
	put32(0x1008, 0x2000 | PS | P | W | U);
	assert_int_equal(go(&v, 0x807000, GUEST_READ), DATA);
	assert_int_equal(go(&v, 0x807000, GUEST_FETCH), DATA);
}

static void no_paging(void **state)
{
	struct guest_view v = long_mode(0);

	v.paging.cr0 = 1;
	assert_int_equal(go(&v, 0x5123, GUEST_WRITE), 0x5123);
	assert_int_equal(go(&v, FAKE_RAM, GUEST_READ), ~0ull);
}

/* Caller, access, and the bits of the page; cr0 and cr4 in addition to the usual ones. */
static void rights(void **state)
{
	static const struct {
		uint64_t bits;
		uint64_t cr0, cr4;
		bool user, ac;
		enum guest_access_kind kind;
		uint64_t fault; /* ~0: none */
	} rows[] = {
		{P | W, CR0, 0, true, false, GUEST_READ, 5}, {P | W, CR0, 0, true, false, GUEST_WRITE, 7},
		{P | U, CR0, 0, true, false, GUEST_READ, ~0ull}, {P | U, CR0, 0, true, false, GUEST_WRITE, 7},
		{P | U, CR0_NWP, 0, true, false, GUEST_WRITE, 7}, {P, CR0, 0, false, false, GUEST_WRITE, 3},
		{P, CR0_NWP, 0, false, false, GUEST_WRITE, ~0ull},
		{P | W | U, CR0, SMAP, false, false, GUEST_READ, 1},
		{P | W | U, CR0, SMAP, false, false, GUEST_WRITE, 3},
		{P | W | U, CR0, SMAP, false, true, GUEST_WRITE, ~0ull},
		{P | U, CR0, SMAP, false, true, GUEST_WRITE, 3},
		{P | U, CR0_NWP, SMAP, false, true, GUEST_WRITE, ~0ull},
		{P | W, CR0, SMAP, false, false, GUEST_WRITE, ~0ull},
		{P | W | U, CR0, SMAP, true, false, GUEST_WRITE, ~0ull},
		{P | W | U, CR0, SMEP, false, false, GUEST_FETCH, 0x11},
		{P | W | U, CR0, SMEP, true, false, GUEST_FETCH, ~0ull},
		{P | W | U | NX, CR0, 0, true, false, GUEST_FETCH, 0x15},
		{P | W | U | NX, CR0, 0, true, false, GUEST_READ, ~0ull},
		{P | W | U | 1ull << 40, CR0, 0, true, false, GUEST_READ, 0xd},
		{P | W | U | 1ull << 52, CR0, 0, true, false, GUEST_READ, ~0ull}, /* for software */
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct guest_view v = long_mode(rows[i].bits);
		uint64_t want = rows[i].fault == ~0ull ? DATA : FAULT(rows[i].fault);

		v.paging.cr0 = rows[i].cr0;
		v.paging.cr4 |= rows[i].cr4;
		v.user = rows[i].user;
		v.alignment_flag = rows[i].ac;
		if (go(&v, 0x5000, rows[i].kind) != want)
			fail_msg("row %u: %llx", i, (unsigned long long)go(&v, 0x5000, rows[i].kind));
		if (want != DATA && get64(0x1000) & A)
			fail_msg("row %u: marked though it faulted", i);
	}
}

static void nx_without_nxe(void **state)
{
	struct guest_view v = long_mode(P | W | U | NX);

	v.paging.efer = LMA;
	assert_int_equal(go(&v, 0x5000, GUEST_READ), FAULT(9));
}

/* A page lacks every right that one of its levels lacks. */
static void upper_levels(void **state)
{
	struct guest_view v = long_mode(P | W | U);

	v.user = true;
	put64(0x2000, 0x3000 | P | W);
	assert_int_equal(go(&v, 0x5000, GUEST_READ), FAULT(5));
	put64(0x2000, 0x3000 | P | U);
	assert_int_equal(go(&v, 0x5000, GUEST_READ), DATA);
	assert_int_equal(go(&v, 0x5000, GUEST_WRITE), FAULT(7));
	put64(0x1000, 0x2000 | P | W | U | NX);
	assert_int_equal(go(&v, 0x5000, GUEST_FETCH), FAULT(0x15));
}

static void keys(void **state)
{
	struct guest_view v = long_mode(P | W | U | KEY(3));

	v.user = true;
	v.pkru = 1u << 6;                                   /* access disabled for key 3 */
	assert_int_equal(go(&v, 0x5000, GUEST_READ), DATA); /* not without CR4.PKE */
	v.paging.cr4 |= PKE;
	assert_int_equal(go(&v, 0x5000, GUEST_READ), FAULT(0x25));
	assert_int_equal(go(&v, 0x5000, GUEST_FETCH), DATA);
	v.pkru = 2u << 6; /* write disabled */
	assert_int_equal(go(&v, 0x5000, GUEST_READ), DATA);
	assert_int_equal(go(&v, 0x5000, GUEST_WRITE), FAULT(0x27));
	v.user = false;
	assert_int_equal(go(&v, 0x5000, GUEST_WRITE), FAULT(0x23));
	v.paging.cr0 = CR0_NWP;
	assert_int_equal(go(&v, 0x5000, GUEST_WRITE), DATA);
	v = long_mode(P | W | KEY(3));
	v.paging.cr4 |= PKE | PKS;
	v.pkru = ~0u;
	assert_int_equal(go(&v, 0x5000, GUEST_WRITE), DATA); /* PKRU is for user pages */
	v.pkrs = 2u << 6;
	assert_int_equal(go(&v, 0x5000, GUEST_WRITE), FAULT(0x23));
}

static void not_ram(void **state)
{
	struct guest_view v = long_mode(P | W | U);

	fake_ram.absent[DATA >> 12] = true;
	assert_int_equal(go(&v, 0x5000, GUEST_READ), ~0ull);
	assert_int_equal(get64(0x1000) & A, 0);
	fake_ram.absent[DATA >> 12] = false;
	fake_ram.absent[3] = true; /* a table in a device */
	assert_int_equal(go(&v, 0x5000, GUEST_READ), ~0ull);
	v.paging.cr3 = 1ull << 39;
	assert_int_equal(go(&v, 0x5000, GUEST_READ), ~0ull);
}

static void restless(void **state)
{
	struct guest_view v = long_mode(P | W | U);

	fake_ram.restless = true;
	assert_int_equal(go(&v, 0x5000, GUEST_READ), ~1ull);
	put64(0x1000, get64(0x1000) | A);
	put64(0x2000, get64(0x2000) | A);
	put64(0x3000, get64(0x3000) | A);
	put64(0x4028, get64(0x4028) | A);
	assert_int_equal(go(&v, 0x5000, GUEST_READ), DATA); /* nothing left to set */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_levels),
		cmocka_unit_test(large_pages),
		cmocka_unit_test(five_levels),
		cmocka_unit_test(pae),
		cmocka_unit_test(thirty_two_bits),
		cmocka_unit_test(no_paging),
		cmocka_unit_test(rights),
		cmocka_unit_test(nx_without_nxe),
		cmocka_unit_test(upper_levels),
		cmocka_unit_test(keys),
		cmocka_unit_test(not_ram),
		cmocka_unit_test(restless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
