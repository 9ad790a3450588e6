// SPDX-License-Identifier: MIT
/*
 * The trace ring: what a reader may see while the writer overwrites records. Every record that is
 * read must be whole and in order, and read plus lost must equal the number written.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include "unit.h"
#include "trace/ring.h"

#define SLOTS         64
#define STRESS_WRITES 3000000

static struct trap_record slots[2][SLOTS];

/* Every word of a record follows from its number, so that a mixture of two records is detected. */
static void write_one(struct trace_ring *ring, uint64_t n, uint64_t tsc)
{
	struct trap_record *r = ring_begin(ring);

	r->tsc = tsc;
	r->rip = n;
	r->cr2 = ~n;
	for (unsigned i = 0; i < TRAP_GPRS; i++)
		r->gpr[i] = n + i;
	r->error_code = (uint32_t)n;
	for (unsigned i = 0; i < TRAP_CODE_MAX; i++)
		r->code[i] = (uint8_t)n;
	ring_commit(ring, r);
}

static void check_whole(const struct trap_record *r)
{
	uint64_t n = r->seq;
	int good = r->rip == n && r->cr2 == ~n && r->error_code == (uint32_t)n;

	for (unsigned i = 0; i < TRAP_GPRS; i++)
		good &= r->gpr[i] == n + i;
	for (unsigned i = 0; i < TRAP_CODE_MAX; i++)
		good &= r->code[i] == (uint8_t)n;
	if (!good)
		fail_msg("record %llu is torn", (unsigned long long)n);
}

static void write_many(struct trace_ring *ring, uint64_t from, uint64_t to)
{
	for (uint64_t n = from; n <= to; n++)
		write_one(ring, n, n);
}

static void empty(void **state)
{
	struct trace_ring ring;
	struct ring_reader reader;
	struct trap_record r;

	memset(slots, 0xff, sizeof(slots)); /* what memory held before must not be read as records */
	ring_init(&ring, slots[0], SLOTS);
	ring_reader_init(&reader, &ring);
	assert_false(ring_read(&reader, &r));
	assert_int_equal(reader.lost, 0);
}

static void in_order(void **state)
{
	struct trace_ring ring;
	struct ring_reader reader;
	struct trap_record r;

	ring_init(&ring, slots[0], SLOTS);
	ring_reader_init(&reader, &ring);
	for (uint64_t n = 1; n <= 3 * SLOTS; n++) {
		write_many(&ring, n, n);
		assert_true(ring_read(&reader, &r));
		assert_int_equal(r.seq, n);
		check_whole(&r);
		assert_false(ring_read(&reader, &r));
	}
	assert_int_equal(reader.lost, 0);
}

/* A full ring loses nothing; one more record overwrites the oldest. */
static void at_the_brim(void **state)
{
	for (uint64_t extra = 0; extra < 3; extra++) {
		struct trace_ring ring;
		struct ring_reader reader;
		struct trap_record r;
		uint64_t read = 0;

		ring_init(&ring, slots[0], SLOTS);
		ring_reader_init(&reader, &ring);
		write_many(&ring, 1, SLOTS + extra);
		while (ring_read(&reader, &r)) {
			assert_int_equal(r.seq, extra + ++read);
			check_whole(&r);
		}
		assert_int_equal(read, SLOTS);
		assert_int_equal(reader.lost, extra);
	}
}

static void many_turns_behind(void **state)
{
	struct trace_ring ring;
	struct ring_reader reader;
	struct trap_record r;

	ring_init(&ring, slots[0], SLOTS);
	ring_reader_init(&reader, &ring);
	write_many(&ring, 1, 10 * SLOTS + 5);
	assert_true(ring_read(&reader, &r));
	assert_int_equal(r.seq, 9 * SLOTS + 6);
	assert_int_equal(reader.lost, 9 * SLOTS + 5);
}

/* A slot is taken but not committed: its old record is gone, and no reader may see the half-written one. */
static void while_it_is_written(void **state)
{
	struct trace_ring ring;
	struct ring_reader reader;
	struct trap_record r, *half;

	ring_init(&ring, slots[0], SLOTS);
	ring_reader_init(&reader, &ring);
	write_many(&ring, 1, SLOTS);
	half = ring_begin(&ring);
	half->rip = 0xbad;
	assert_true(ring_read(&reader, &r));
	assert_int_equal(r.seq, 2);
	assert_int_equal(reader.lost, 1);
	assert_false(ring_at(&ring, 0, &r));
	assert_false(ring_at(&ring, 1, &r));
	assert_true(ring_at(&ring, 2, &r));
	assert_int_equal(r.seq, 2);
	assert_false(ring_at(&ring, SLOTS + 1, &r));
	ring_commit(&ring, half);
	assert_true(ring_at(&ring, SLOTS + 1, &r));
	assert_int_equal(r.rip, 0xbad);
	for (uint64_t n = 3; n <= SLOTS + 1; n++) {
		assert_true(ring_read(&reader, &r));
		assert_int_equal(r.seq, n);
	}
	assert_false(ring_read(&reader, &r));
	assert_int_equal(reader.lost, 1);
}

static void begin_without_commit(void **state)
{
	struct trace_ring ring;
	struct ring_reader reader;
	struct trap_record r;

	ring_init(&ring, slots[0], SLOTS);
	ring_reader_init(&reader, &ring);
	write_many(&ring, 1, 1);
	ring_begin(&ring);
	write_many(&ring, 2, 2);
	assert_true(ring_read(&reader, &r));
	assert_true(ring_read(&reader, &r));
	assert_int_equal(r.seq, 2);
	assert_false(ring_read(&reader, &r));
}

static void two_readers(void **state)
{
	struct trace_ring ring;
	struct ring_reader a, b;
	struct trap_record r;

	ring_init(&ring, slots[0], SLOTS);
	ring_reader_init(&a, &ring);
	ring_reader_init(&b, &ring);
	write_many(&ring, 1, 4);
	assert_true(ring_read(&a, &r));
	assert_true(ring_read(&a, &r));
	assert_true(ring_read(&b, &r));
	assert_int_equal(r.seq, 1);
}

/* Three on one CPU and two on the other, their times interlaced. */
static void oldest_first(void **state)
{
	static const uint64_t times[2][3] = {{10, 40, 50}, {20, 30, 0}};
	static const uint64_t expected[] = {10, 20, 30, 40, 50};
	struct trace_ring rings[2];
	struct ring_reader readers[2];
	struct trap_record r;

	for (unsigned cpu = 0; cpu < 2; cpu++) {
		ring_init(&rings[cpu], slots[cpu], SLOTS);
		ring_reader_init(&readers[cpu], &rings[cpu]);
		for (unsigned i = 0; i < 3 && times[cpu][i]; i++)
			write_one(&rings[cpu], i + 1, times[cpu][i]);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_true(ring_read_oldest(readers, 2, &r));
		assert_int_equal(r.tsc, expected[i]);
	}
	assert_false(ring_read_oldest(readers, 2, &r));
	write_one(&rings[0], 4, 5); /* late, with an early time: it comes all the same */
	assert_true(ring_read_oldest(readers, 2, &r));
	assert_int_equal(r.tsc, 5);
}

static void oldest_first_counts_lost(void **state)
{
	struct trace_ring rings[2];
	struct ring_reader readers[2];
	struct trap_record r;
	uint64_t read = 0, last = 0;

	for (unsigned cpu = 0; cpu < 2; cpu++) {
		ring_init(&rings[cpu], slots[cpu], SLOTS);
		ring_reader_init(&readers[cpu], &rings[cpu]);
	}
	for (uint64_t n = 1; n <= 100; n++)
		write_one(&rings[0], n, 2 * n);
	for (uint64_t n = 1; n <= 30; n++)
		write_one(&rings[1], n, 2 * n + 1);
	for (; ring_read_oldest(readers, 2, &r); read++) {
		assert_true(r.tsc > last);
		last = r.tsc;
	}
	assert_int_equal(readers[0].lost, 100 - SLOTS);
	assert_int_equal(readers[1].lost, 0);
	assert_int_equal(read, SLOTS + 30);
	assert_false(ring_read_oldest(readers, 0, &r));
}

struct stress {
	struct trace_ring ring;
	unsigned burst; /* the writer pauses after so many records, so that the reader can catch up */
	_Atomic int done;
};

static void *stress_writer(void *arg)
{
	struct stress *s = arg;

	for (uint64_t n = 1; n <= STRESS_WRITES; n++) {
		write_one(&s->ring, n, n);
		if (s->burst && n % s->burst == 0)
			sched_yield();
	}
	s->done = 1;
	return NULL;
}

/* One thread writes as fast as it can into a ring that is far too small; another reads. */
static void stress(unsigned burst)
{
	static struct stress s;
	struct ring_reader reader;
	struct trap_record r;
	uint64_t read = 0, last = 0;
	pthread_t writer;
	int done;

	ring_init(&s.ring, slots[0], SLOTS);
	s.burst = burst;
	s.done = 0;
	ring_reader_init(&reader, &s.ring);
	assert_int_equal(pthread_create(&writer, NULL, stress_writer, &s), 0);
	do {
		done = s.done;
		while (ring_read(&reader, &r)) {
			assert_true(r.seq > last);
			last = r.seq;
			check_whole(&r);
			read++;
		}
	} while (!done);
	pthread_join(writer, NULL);
	assert_int_equal(last, STRESS_WRITES);
	assert_int_equal(read + reader.lost, STRESS_WRITES);
	print_message("             read %llu, lost %llu\n", (unsigned long long)read,
		(unsigned long long)reader.lost);
}

static void stress_flat_out(void **state)
{
	stress(0);
}

static void stress_in_bursts(void **state)
{
	stress(SLOTS / 2);
}

#define BESIDE 16

static struct trap_record beside_slots[BESIDE];

static void check_there(const struct trace_ring *ring, uint64_t from, uint64_t to, bool there)
{
	struct trap_record r;

	for (uint64_t seq = from; seq <= to; seq++) {
		assert_true(ring_at(ring, seq, &r) == there);
		if (there)
			check_whole(&r);
	}
}

static uint64_t take_back(struct trace_ring *ring, struct trace_ring *beside)
{
	struct ring_reader reader = ring_to_take_back(ring, beside);

	while (!ring_take_some_back(ring, &reader, 3))
		;
	return reader.lost;
}

/* Records that are written beside a frozen ring do not change it; afterwards the newest ones are in it, in their own slots. */
static void frozen(void **state)
{
	struct trace_ring ring, beside;

	ring_init(&ring, slots[0], SLOTS);
	ring_init(&beside, beside_slots, BESIDE);
	write_many(&ring, 1, 100);
	ring_set_aside(&ring, &beside);
	write_many(&beside, 101, 110);
	check_there(&ring, 100 - SLOTS + 1, 100, true);
	check_there(&ring, 101, 110, false);
	assert_int_equal(take_back(&ring, &beside), 0);
	check_there(&ring, 110 - SLOTS + 1, 110, true);
	write_many(&ring, 111, 120);
	check_there(&ring, 120 - SLOTS + 1, 120, true);
}

/* Records without room are counted; a reader counts them as well. */
static void frozen_too_long(void **state)
{
	struct trace_ring ring, beside;
	struct ring_reader reader;
	struct trap_record r;

	ring_init(&ring, slots[0], SLOTS);
	ring_init(&beside, beside_slots, BESIDE);
	write_many(&ring, 1, 50);
	ring_reader_init(&reader, &ring);
	while (ring_read(&reader, &r))
		;
	ring_set_aside(&ring, &beside);
	write_many(&beside, 51, 80);
	assert_int_equal(take_back(&ring, &beside), 30 - BESIDE);
	check_there(&ring, 80 - SLOTS + 1, 50, true);
	check_there(&ring, 51, 80 - BESIDE, false);
	check_there(&ring, 80 - BESIDE + 1, 80, true);
	for (uint64_t seq = 80 - BESIDE + 1; seq <= 80; seq++)
		assert_true(ring_read(&reader, &r) && r.seq == seq);
	assert_false(ring_read(&reader, &r));
	assert_int_equal(reader.lost, 30 - BESIDE);
}

static unsigned rests;

static void count_rest(void)
{
	rests++;
}

/* A reader that comes to many records that were left out stops now and then. */
static void frozen_far_too_long(void **state)
{
	struct trace_ring ring, beside;
	struct ring_reader reader, again = {.ring = &ring, .next = 51, .rest = count_rest};
	struct trap_record r;

	ring_init(&ring, slots[0], SLOTS);
	ring_init(&beside, beside_slots, BESIDE);
	write_many(&ring, 1, 50);
	ring_set_aside(&ring, &beside);
	write_many(&beside, 51, 50 + RING_PASS_MOST + 3 + BESIDE);
	assert_int_equal(take_back(&ring, &beside), RING_PASS_MOST + 3);
	reader = again;
	reader.stops = true;
	assert_false(ring_read(&reader, &r));
	assert_int_equal(reader.lost, RING_PASS_MOST);
	assert_true(ring_read(&reader, &r) && r.seq == 50 + RING_PASS_MOST + 4);
	assert_int_equal(reader.lost, RING_PASS_MOST + 3);
	assert_int_equal(rests, 1);
	reader = again;
	reader.stops = true;
	assert_null(ring_older(NULL, &reader));
	assert_int_equal(reader.lost, RING_PASS_MOST);
	rests = 0;
	reader = again;
	assert_true(ring_read(&reader, &r) && r.seq == 50 + RING_PASS_MOST + 4);
	assert_int_equal(rests, 1);
	reader = again;
	assert_ptr_equal(ring_older(NULL, &reader), &reader);
	assert_int_equal(rests, 2);
	assert_int_equal(reader.lost, RING_PASS_MOST + 3);
}

/* No record came; the second ring holds those of an earlier freeze. */
static void frozen_again(void **state)
{
	struct trace_ring ring, beside;

	ring_init(&ring, slots[0], SLOTS);
	ring_init(&beside, beside_slots, BESIDE);
	write_many(&ring, 1, 10);
	ring_set_aside(&ring, &beside);
	write_many(&beside, 11, 12);
	assert_int_equal(take_back(&ring, &beside), 0);
	write_many(&ring, 13, 20);
	ring_set_aside(&ring, &beside);
	assert_int_equal(take_back(&ring, &beside), 0);
	check_there(&ring, 1, 20, true);
}

/* Records come while it is thawed, as many as are moved at once, and then fewer: none is lost, and the ring's end is known at the end only. */
static void thawed_in_parts(void **state)
{
	struct trace_ring ring, beside;
	struct ring_reader reader;

	ring_init(&ring, slots[0], SLOTS);
	ring_init(&beside, beside_slots, BESIDE);
	write_many(&ring, 1, 50);
	ring_set_aside(&ring, &beside);
	write_many(&beside, 51, 54);
	reader = ring_to_take_back(&ring, &beside);
	for (uint64_t seq = 55; seq < 61; seq += 2) {
		assert_false(ring_take_some_back(&ring, &reader, 2));
		write_many(&beside, seq, seq + 1);
		check_there(&ring, seq, seq + 1, false);
	}
	while (!ring_take_some_back(&ring, &reader, 2))
		check_there(&ring, 51, 60, false);
	check_there(&ring, 60 - SLOTS + 1, 60, true);
	assert_int_equal(reader.lost, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(in_order),
		cmocka_unit_test(at_the_brim),
		cmocka_unit_test(many_turns_behind),
		cmocka_unit_test(while_it_is_written),
		cmocka_unit_test(begin_without_commit),
		cmocka_unit_test(two_readers),
		cmocka_unit_test(oldest_first),
		cmocka_unit_test(oldest_first_counts_lost),
		cmocka_unit_test(stress_flat_out),
		cmocka_unit_test(stress_in_bursts),
		cmocka_unit_test(frozen),
		cmocka_unit_test(frozen_too_long),
		cmocka_unit_test(frozen_far_too_long),
		cmocka_unit_test(frozen_again),
		cmocka_unit_test(thawed_in_parts),
	};

	return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
