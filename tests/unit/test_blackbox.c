// SPDX-License-Identifier: MIT
/*
 * The header of a black box, in memory that may hold anything and that another system may have filled
 * on purpose. If blackbox_fault() accepts a header, all its offsets are inside the box.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <boot/blackbox_layout.h>
#include "unit.h"

#define ROOM  (64ull << 20)
#define FUZZ  20000
#define WORDS (offsetof(struct blackbox_header, checksum) / 8)

static struct blackbox_header sound(void)
{
	struct blackbox_header h = {
		.magic = BLACKBOX_MAGIC,
		.version = BLACKBOX_VERSION,
		.header_size = sizeof(h),
		.size = 2 << 20,
		.text_at = 4096,
		.last_at = 4096 + BLACKBOX_TEXT_SIZE,
		.rings_at = 4096 + 2 * BLACKBOX_TEXT_SIZE,
		.cpu_size = blackbox_part(64, 64).size,
		.cpus = 2,
		.ring_records = 64,
		.history_entries = 64,
	};
	h.checksum = blackbox_header_sum(&h);
	return h;
}

static void accepted(void **state)
{
	struct blackbox_header h = sound();

	assert_null(blackbox_fault(&h, ROOM));
}

static void not_there(void **state)
{
	struct blackbox_header h;

	memset(&h, 0, sizeof(h));
	assert_string_equal(blackbox_fault(&h, ROOM), "");
	memset(&h, 0xff, sizeof(h));
	assert_string_equal(blackbox_fault(&h, ROOM), "");
}

/* One changed bit, as in memory that was not refreshed for a moment. */
static void every_bit(void **state)
{
	for (size_t bit = 0; bit < offsetof(struct blackbox_header, text_head) * 8; bit++) {
		struct blackbox_header h = sound();

		((uint8_t *)&h)[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_non_null(blackbox_fault(&h, ROOM));
	}
}

/* One behind the other, none into the next CPU's: sizes typed anew. */
static void expect_parts(const struct blackbox_header *h)
{
	struct blackbox_part p = blackbox_part(h->ring_records, h->history_entries);
	uint64_t ring = h->ring_records * 256ull, beside = ring < 65536 ? ring : 65536;

	assert_true(h->ring_records && h->history_entries);
	assert_true(ring <= p.beside_at && p.beside_at + beside <= p.reserve_at);
	assert_true(p.reserve_at + BLACKBOX_RESERVE_SIZE <= p.history_at);
	assert_true(p.history_at + h->history_entries * 32ull <= h->cpu_size);
}

/* Whatever the configuration allows: each history lies where its ring goes round, for every CPU. */
static void every_size(void **state)
{
	for (uint32_t ring = 64; ring <= 65536; ring *= 2)
		for (uint32_t history = 16; history <= 1024; history *= 2) {
			struct blackbox_part p = blackbox_part(ring, history);
			struct blackbox_header h = {
				.ring_records = ring, .history_entries = history, .cpu_size = p.size};

			expect_parts(&h);
			for (uint64_t n = 0; n < 3; n++)
				assert_int_equal((blackbox_rings_at(history) + n * p.size + p.history_at) %
							 (history * 64),
					0);
		}
}

/* The header of the most CPUs is that of one: it has no list of them. */
static void most_cpus(void **state)
{
	struct blackbox_header h = sound();

	h.cpus = BLACKBOX_MAX_CPUS;
	h.size = ((blackbox_rings_at(64) + h.cpus * h.cpu_size) + 4095) & ~4095ull;
	h.checksum = blackbox_header_sum(&h);
	assert_null(blackbox_fault(&h, 1ull << 30));
	h.cpus++;
	h.size += h.cpu_size;
	h.checksum = blackbox_header_sum(&h);
	assert_string_equal(blackbox_fault(&h, 1ull << 30), "its header contradicts itself");
}

/* Texts are summed up word by word. */
static void texts_off_words(void **state)
{
	struct blackbox_header h = sound();

	h.text_at++;
	h.checksum = blackbox_header_sum(&h);
	assert_string_equal(blackbox_fault(&h, 1ull << 30), "its header contradicts itself");
	h = sound();
	h.last_at += 4;
	h.checksum = blackbox_header_sum(&h);
	assert_string_equal(blackbox_fault(&h, 1ull << 30), "its header contradicts itself");
}

/* One that an older Trapline has left, or a newer one. */
static void another_version(void **state)
{
	struct blackbox_header h = sound();

	h.version--;
	h.checksum = blackbox_header_sum(&h);
	assert_string_equal(blackbox_fault(&h, ROOM), "another version of Trapline wrote it");
	h.version += 2;
	h.checksum = blackbox_header_sum(&h);
	assert_string_equal(blackbox_fault(&h, ROOM), "another version of Trapline wrote it");
}

static void inside(const struct blackbox_header *h)
{
	assert_true(h->size <= ROOM);
	assert_true(h->text_at + BLACKBOX_TEXT_SIZE <= h->size && h->last_at + BLACKBOX_TEXT_SIZE <= h->size);
	assert_true(h->rings_at + h->cpus * h->cpu_size <= h->size);
	expect_parts(h);
}

/*
 * Words of all sizes in place of the right ones, with a matching checksum: an accepted header stays
 * inside the box.
 */
static void forged(void **state)
{
	unsigned let_through = 0;

	srand(1);
	for (unsigned i = 0; i < FUZZ; i++) {
		struct blackbox_header h = sound();
		uint64_t *words = (uint64_t *)&h;
		unsigned at = 2 + (unsigned)rand() % (WORDS - 2);

		words[at] = ((uint64_t)rand() << 33 ^ (uint64_t)rand() << 11 ^ (uint64_t)rand()) >>
			    rand() % 64 << rand() % 13;
		if (i & 1)
			words[2 + (unsigned)rand() % 6] = ~0ull << rand() % 64;
		h.checksum = blackbox_header_sum(&h);
		if (blackbox_fault(&h, ROOM))
			continue;
		let_through++;
		inside(&h);
	}
	assert_in_range(let_through, 1, FUZZ - 1);
}

/* Each start asks whether it has to write the core, and hands it to its own run. */
static uint64_t next_start(uint64_t is, bool can_write, bool *writes)
{
	*writes = !(is & BLACKBOX_CORE_WRITTEN) && can_write;
	return blackbox_core_next(is, *writes);
}

static void core_is_written_once(void **state)
{
	uint64_t is = BLACKBOX_CORE_MADE;
	bool writes;

	is = next_start(is, false, &writes);
	assert_int_equal(blackbox_core_age(is), BLACKBOX_CORE_LAST);
	is = next_start(is, true, &writes);
	assert_true(writes);
	assert_int_equal(blackbox_core_age(is), BLACKBOX_CORE_EARLIER);
	is = next_start(is, true, &writes);
	assert_false(writes);
	assert_int_equal(blackbox_core_age(is), BLACKBOX_CORE_EARLIER);
	assert_int_equal(
		next_start(BLACKBOX_CORE_MADE, true, &writes), BLACKBOX_CORE_LAST | BLACKBOX_CORE_WRITTEN);
	assert_true(writes);
}

static void core_of_no_run(void **state)
{
	assert_int_equal(blackbox_core_age(0), 0);
	assert_int_equal(blackbox_core_age(BLACKBOX_CORE_WRITTEN), 0);
	assert_int_equal(blackbox_core_age(BLACKBOX_CORE_EARLIER + 1), 0);
	assert_int_equal(blackbox_core_age(~0ull), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted),
		cmocka_unit_test(not_there),
		cmocka_unit_test(every_bit),
		cmocka_unit_test(every_size),
		cmocka_unit_test(most_cpus),
		cmocka_unit_test(texts_off_words),
		cmocka_unit_test(another_version),
		cmocka_unit_test(forged),
		cmocka_unit_test(core_is_written_once),
		cmocka_unit_test(core_of_no_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
