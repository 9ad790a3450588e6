// SPDX-License-Identifier: MIT
#include <stddef.h>
#include "trace/ring.h"

#define RECORD_WORDS (sizeof(struct trap_record) / sizeof(uint64_t))

void ring_init(struct trace_ring *ring, struct trap_record *records, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		records[i].seq = 0;
	ring->records = records;
	ring->mask = count - 1;
	atomic_store_explicit(&ring->head, 0, memory_order_release);
}

void ring_reader_init(struct ring_reader *reader, const struct trace_ring *ring)
{
	*reader = (struct ring_reader){.ring = ring, .next = 1};
}

/* Atomic word by word: the writer may be active, and each word must be read exactly once. */
static void copy_words(struct trap_record *out, const struct trap_record *slot)
{
	const uint64_t *from = (const void *)slot;

#pragma GCC unroll 32
	for (unsigned i = 0; i < RECORD_WORDS; i++) {
		uint64_t word = __atomic_load_n(&from[i], __ATOMIC_RELAXED);

		__builtin_memcpy((char *)out + 8 * i, &word, 8);
	}
}

/* Returns false if the slot no longer holds `seq` after the copy. */
static bool copy_slot(const struct trap_record *slot, uint64_t seq, struct trap_record *out)
{
	copy_words(out, slot);
	atomic_thread_fence(memory_order_acquire); /* pairs with the fence in ring_begin() */
	return __atomic_load_n(&slot->seq, __ATOMIC_RELAXED) == seq;
}

bool ring_copy(const struct trap_record *slot, struct trap_record *out)
{
	uint64_t seq = __atomic_load_n(&slot->seq, __ATOMIC_ACQUIRE);

	return seq && copy_slot(slot, seq, out);
}

/* Reads record `seq`; false if its slot holds another one, or held another one before the copy was complete. */
static inline __attribute__((always_inline)) bool copy_record(
	const struct trace_ring *ring, uint64_t seq, struct trap_record *out)
{
	const struct trap_record *slot = &ring->records[seq & ring->mask];

	return __atomic_load_n(&slot->seq, __ATOMIC_ACQUIRE) == seq && copy_slot(slot, seq, out);
}

/* Moves the reader past the records that the writer has overwritten; false if there is nothing to read. */
static bool skip_overwritten(struct ring_reader *reader)
{
	uint64_t head = atomic_load_explicit(&reader->ring->head, memory_order_acquire);
	uint64_t slots = (uint64_t)reader->ring->mask + 1;
	uint64_t oldest = head >= slots ? head - slots + 1 : 1;

	if (reader->next < oldest) {
		reader->lost += oldest - reader->next;
		reader->next = oldest;
	}
	return reader->next <= head;
}

/* A record that was committed and is not there has been overwritten. False: the reader stops. */
static bool pass(struct ring_reader *reader)
{
	reader->next++;
	reader->lost++;
	if (++reader->passed % RING_PASS_MOST)
		return true;
	if (reader->rest)
		reader->rest();
	return !reader->stops;
}

static inline __attribute__((always_inline)) bool read_here(
	struct ring_reader *reader, struct trap_record *out)
{
	bool whole = copy_record(reader->ring, reader->next, out);

	reader->next += whole;
	return whole;
}

/* Not inlined, so that a record that is there costs little. */
__attribute__((noinline, cold)) static bool read_behind(struct ring_reader *reader, struct trap_record *out)
{
	while (pass(reader) && skip_overwritten(reader))
		if (read_here(reader, out))
			return true;
	return false;
}

bool ring_read(struct ring_reader *reader, struct trap_record *out)
{
	return skip_overwritten(reader) && (read_here(reader, out) || read_behind(reader, out));
}

/* The time of the next record of this ring; false if there is none. The reader stays at that record. */
static bool peek_tsc(struct ring_reader *reader, uint64_t *tsc)
{
	while (skip_overwritten(reader)) {
		const struct trap_record *slot = &reader->ring->records[reader->next & reader->ring->mask];
		bool right = __atomic_load_n(&slot->seq, __ATOMIC_ACQUIRE) == reader->next;

		*tsc = __atomic_load_n(&slot->tsc, __ATOMIC_RELAXED);
		atomic_thread_fence(memory_order_acquire);
		if (right && __atomic_load_n(&slot->seq, __ATOMIC_RELAXED) == reader->next)
			return true;
		if (!pass(reader))
			return false;
	}
	return false;
}

struct ring_reader *ring_older(struct ring_reader *a, struct ring_reader *b)
{
	uint64_t tsc_a, tsc_b;

	if (!peek_tsc(b, &tsc_b))
		return a;
	return a && peek_tsc(a, &tsc_a) && tsc_a <= tsc_b ? a : b;
}

bool ring_read_oldest(struct ring_reader *readers, unsigned n, struct trap_record *out)
{
	struct ring_reader *first = NULL;

	for (unsigned i = 0; i < n; i++)
		first = ring_older(first, &readers[i]);
	return first && ring_read(first, out);
}

void ring_set_aside(const struct trace_ring *ring, struct trace_ring *beside)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	atomic_store_explicit(&beside->head, head, memory_order_release);
}

/* The number is stored last, as in ring_commit(). */
static void put_back(struct trace_ring *ring, const struct trap_record *r)
{
	struct trap_record *slot = &ring->records[r->seq & ring->mask];

	__atomic_store_n(&slot->seq, 0, __ATOMIC_RELAXED);
	atomic_thread_fence(memory_order_release);
	__builtin_memcpy((char *)slot + sizeof(slot->seq), (const char *)r + sizeof(r->seq),
		sizeof(*slot) - sizeof(slot->seq));
	__atomic_store_n(&slot->seq, r->seq, __ATOMIC_RELEASE);
}

struct ring_reader ring_to_take_back(const struct trace_ring *ring, const struct trace_ring *beside)
{
	return (struct ring_reader){
		.ring = beside, .next = atomic_load_explicit(&ring->head, memory_order_relaxed) + 1};
}

bool ring_take_some_back(struct trace_ring *ring, struct ring_reader *beside, unsigned n)
{
	struct trap_record r;
	uint64_t last;

	for (; n; n--) {
		if (!ring_read(beside, &r)) {
			last = atomic_load_explicit(&beside->ring->head, memory_order_relaxed);
			atomic_store_explicit(&ring->head, last, memory_order_release);
			return true;
		}
		put_back(ring, &r);
	}
	return false;
}

bool ring_at(const struct trace_ring *ring, uint64_t seq, struct trap_record *out)
{
	return seq && seq <= atomic_load_explicit(&ring->head, memory_order_acquire) &&
	       copy_record(ring, seq, out);
}
