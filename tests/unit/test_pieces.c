// SPDX-License-Identifier: MIT
/* The VMM's memory: how much of it, and in how many pieces, from a made-up memory map. And the pool that is made of these. */
#include <string.h>
#include <boot/blackbox_layout.h>
#include "budget.h"
#include "mem/pool.h"
#include "pieces.h"
#include "unit.h"

#define MIB   0x100000ull
#define HOLES 8

/* Free memory: the size of each hole in MiB; what is taken goes from its end. */
static uint64_t hole[HOLES];
static unsigned asked, given;

static uint64_t take(void *context, uint64_t size)
{
	asked++;
	for (unsigned i = 0; i < HOLES; i++)
		if (hole[i] * MIB >= size) {
			hole[i] -= size / MIB;
			return (i + 1) * (1ull << 32) + hole[i] * MIB;
		}
	return 0;
}

static void give(void *context, uint64_t base, uint64_t size)
{
	given++;
	hole[(base >> 32) - 1] += size / MIB;
}

static const struct piece_source source = {take, give, NULL};
static struct boot_range piece[BOOT_MAX_PIECES];

static uint32_t pieces(const uint64_t *holes, unsigned n, uint64_t size, uint64_t first, uint32_t max)
{
	asked = given = 0;
	memset(hole, 0, sizeof(hole));
	memcpy(hole, holes, n * sizeof(*holes));
	return pieces_take(&source, size * MIB, first * MIB, piece, max);
}

static uint64_t sum(uint32_t n)
{
	uint64_t all = 0;

	for (uint32_t i = 0; i < n; i++)
		all += piece[i].size;
	return all / MIB;
}

static void in_one(void **state)
{
	static const uint64_t holes[] = {10, 100, 400};

	assert_int_equal(pieces(holes, 3, 300, 20, 15), 1);
	assert_int_equal(asked, 1);
	assert_int_equal(piece[0].size, 300 * MIB);
}

static void in_several(void **state)
{
	static const uint64_t holes[] = {10, 100, 64, 200};
	uint32_t n = pieces(holes, 4, 300, 20, 15);

	assert_in_range(n, 2, 5);
	assert_int_equal(sum(n), 300);
	assert_true(piece[0].size >= 150 * MIB);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(piece[i].size % PIECE_UNIT | piece[i].base % PIECE_UNIT, 0);
}

/* A hole between the halves of what is left is taken as well, if it is large enough for the first piece. */
static void between_halves(void **state)
{
	static const uint64_t holes[] = {50, 18, 18, 18, 10, 10, 6, 6};
	uint32_t n = pieces(holes, HOLES, 116, 34, 15);

	assert_true(n);
	assert_int_equal(sum(n), 116);
	assert_true(piece[0].size >= 34 * MIB);
}

/* Nothing stays taken. */
static void not_at_all(void **state)
{
	static const uint64_t little[] = {10, 100, 64, 20}, split[] = {30, 30, 30, 30, 30, 30, 30, 30};
	uint64_t all = 0;

	assert_int_equal(pieces(little, 4, 300, 20, 15), 0);
	assert_memory_equal(hole, little, sizeof(little));
	assert_int_equal(pieces(split, HOLES, 200, 40, 15), 0); /* the first has to be larger */
	assert_memory_equal(hole, split, sizeof(split));
	assert_int_equal(given, 0);
	assert_int_equal(pieces(split, HOLES, 200, 20, 3), 0); /* too many */
	for (unsigned i = 0; i < HOLES; i++)
		all += hole[i];
	assert_int_equal(all, 240);
	assert_int_equal(given, 3);
}

static void rings(void **state)
{
	static const struct {
		uint32_t cpus, ring;
	} cases[] = {{1, 4096}, {2, 4096}, {64, 4096}, {65, 2048}, {128, 2048}, {129, 1024}, {256, 1024},
		{512, 512}, {1000, 256}, {1024, 256}};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(budget_ring(0, cases[i].cpus), cases[i].ring);
		assert_int_equal(budget_ring(65536, cases[i].cpus), 65536);
		assert_int_equal(budget_ring(64, cases[i].cpus), 64);
	}
}

static uint64_t budget(uint32_t cpus, uint64_t *box)
{
	static struct boot_info info;
	struct trapline_config c = {.history = 64, .copy_buffer = 16};

	c.ring = budget_ring(0, cpus);
	info.cpus = cpus;
	*box = budget_box(&c, cpus);
	return budget_pool(&c, &info);
}

/* docs/smp.md says these. */
static void sizes(void **state)
{
	uint64_t box, pool = budget(1, &box);

	assert_true(pool < 23 * MIB && box < 2 * MIB);
	pool = budget(256, &box);
	assert_true(pool < 66 * MIB && box < 110 * MIB);
	pool = budget(1024, &box);
	assert_true(pool < 190 * MIB && box < 245 * MIB);
}

/* The memory is hidden page by page: each 2 MiB of it, which all pieces are multiples of, need one second-level table. */
static void hidden(void **state)
{
	struct boot_info info = {.cpus = 1};
	struct trapline_config c = {.history = 64, .ring = 64, .copy_buffer = 16};
	uint64_t small = budget_pool(&c, &info);

	c.copy_buffer += 64;
	assert_int_equal(budget_pool(&c, &info) - small, 64 * MIB + 32 * PAGE_SIZE);
}

/* All of every piece is given out, and nothing twice; what does not fit into one piece comes from the next. */
static void pool(void **state)
{
	pool_add(0x10000, 3 * PAGE_SIZE);
	pool_add(0x40000, 5 * PAGE_SIZE);
	pool_add(0x80000, 2 * PAGE_SIZE);
	assert_int_equal(pool_left(), 10 * PAGE_SIZE);
	assert_int_equal(pool_alloc(2), 0x10000);
	assert_int_equal(pool_alloc(4), 0x40000);
	assert_int_equal(pool_alloc(1), 0x12000);
	assert_int_equal(pool_alloc(3), 0);
	assert_int_equal(pool_alloc(~0ull / PAGE_SIZE), 0);
	assert_int_equal(pool_alloc(2), 0x80000);
	assert_int_equal(pool_alloc(1), 0x44000);
	assert_int_equal(pool_alloc(1), 0);
	assert_int_equal(pool_left(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_one),
		cmocka_unit_test(in_several),
		cmocka_unit_test(between_halves),
		cmocka_unit_test(not_at_all),
		cmocka_unit_test(rings),
		cmocka_unit_test(sizes),
		cmocka_unit_test(hidden),
		cmocka_unit_test(pool),
	};

	return cmocka_run_group_tests_name("pieces", tests, NULL, NULL);
}
