/*
 * The header of a black box, in memory that may hold anything and that another system may have filled
 * on purpose. If blackbox_fault() accepts a header, all its offsets are inside the box.
 */
#include <stdlib.h>
#include <string.h>
#include <boot/blackbox_layout.h>
#include "unit.h"

#define ROOM       (64ull << 20)
#define FUZZ       20000
#define RINGS      (2 * 64 * 256) /* of one CPU: its ring, and the second one */
#define KEPT_PAGES ((BLACKBOX_RESERVE_SIZE + 4095) & ~4095ull)
#define WORDS      (offsetof(struct blackbox_header, checksum) / 8)

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
		.cpu_size = RINGS + 8192 + KEPT_PAGES,
		.cpus = 2,
		.ring_records = 64,
		.history_entries = 64,
		.reserve_at = {4096 + 2 * BLACKBOX_TEXT_SIZE + RINGS,
			4096 + 2 * BLACKBOX_TEXT_SIZE + 2 * RINGS + 8192 + KEPT_PAGES},
		.history_at = {4096 + 2 * BLACKBOX_TEXT_SIZE + RINGS + KEPT_PAGES,
			4096 + 2 * BLACKBOX_TEXT_SIZE + 2 * RINGS + 8192 + 2 * KEPT_PAGES},
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

static void inside(const struct blackbox_header *h)
{
	assert_true(h->size <= ROOM);
	assert_true(h->text_at + BLACKBOX_TEXT_SIZE <= h->size && h->last_at + BLACKBOX_TEXT_SIZE <= h->size);
	assert_true(h->rings_at + h->cpus * h->cpu_size <= h->size);
	assert_true(h->ring_records &&
		    blackbox_beside_at(h->ring_records) + blackbox_beside(h->ring_records) * 256ull <=
			    h->cpu_size);
	for (uint32_t n = 0; n < h->cpus; n++) {
		assert_true(h->history_at[n] + h->history_entries * 32ull <= h->size);
		assert_true(h->reserve_at[n] + BLACKBOX_RESERVE_SIZE <= h->size);
	}
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted),
		cmocka_unit_test(not_there),
		cmocka_unit_test(every_bit),
		cmocka_unit_test(forged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
