/*
 * The trace ring: one per CPU, written by that CPU alone, read by anybody at any time. The writer never
 * waits: when the ring is full the oldest record goes. A reader copies a record and then checks that it was
 * not overwritten meanwhile; what it missed, it counts.
 *
 * Each slot is a small seqlock whose sequence word is the record's own seq: 0 while it is being written. On
 * x86 the fences below cost nothing but keep the compiler from moving accesses across them (SDM vol.
 * 3A 9.2.2: stores are seen in program order, and so are loads).
 */
#ifndef TRAPLINE_RING_H
#define TRAPLINE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <trapline/record.h>

struct trace_ring {
	_Atomic uint64_t head; /* seq of the last record committed, 0: none yet */
	uint32_t mask;         /* number of slots - 1 */
	struct trap_record *records;
};

struct ring_reader {
	const struct trace_ring *ring;
	uint64_t next; /* seq of the record to read next */
	uint64_t lost; /* records that were overwritten before this reader came to them */
};

/*
 *   records  room for `count` of them; the slots' seq is cleared here
 *   count    a power of two, 2 or more
 */
void ring_init(struct trace_ring *ring, struct trap_record *records, uint32_t count);

/*
 * Takes the slot of the oldest record. Fill in everything but seq, then call ring_commit(); a begin without a
 * commit is undone by the next begin, but what was in the slot is gone. Only for the CPU the ring belongs to.
 */
static inline struct trap_record *ring_begin(struct trace_ring *ring)
{
	uint64_t seq = atomic_load_explicit(&ring->head, memory_order_relaxed) + 1;
	struct trap_record *r = &ring->records[seq & ring->mask];

	__atomic_store_n(&r->seq, 0, __ATOMIC_RELAXED);
	atomic_thread_fence(memory_order_release); /* a reader that sees new contents sees the 0 as well */
	return r;
}

/*
 * Publishes the record that ring_begin() returned, with the next sequence number.
 */
static inline void ring_commit(struct trace_ring *ring, struct trap_record *r)
{
	uint64_t seq = atomic_load_explicit(&ring->head, memory_order_relaxed) + 1;

	__atomic_store_n(&r->seq, seq, __ATOMIC_RELEASE);
	atomic_store_explicit(&ring->head, seq, memory_order_release);
}

/*
 * Freeze a ring: its CPU writes to `beside`, as long as the ring or shorter, and goes on numbering. ring_take_back() moves the
 * newest of these records into the ring. It returns how many `beside` had no room for: readers find them overwritten. Both only
 * for that CPU.
 */
void ring_set_aside(const struct trace_ring *ring, struct trace_ring *beside);
uint64_t ring_take_back(struct trace_ring *ring, const struct trace_ring *beside);

/*
 * A reader that starts with the ring's first record ever: what is gone by then counts as lost.
 */
void ring_reader_init(struct ring_reader *reader, const struct trace_ring *ring);

/*
 * Copies the next record that is still there and moves on; adds to reader->lost what was overwritten before
 * it. Returns false, with *out undefined, when there is none yet.
 */
bool ring_read(struct ring_reader *reader, struct trap_record *out);

/*
 * Copies the record with this seq. Returns false when it was overwritten or is not there yet.
 */
bool ring_at(const struct trace_ring *ring, uint64_t seq, struct trap_record *out);

/* Copies whatever record is in a slot. Returns false when there is none, or it is being written. */
bool ring_copy(const struct trap_record *slot, struct trap_record *out);

/*
 * The same as ring_read() over several rings, the record with the lowest TSC first. A record that
 * is committed after a later one of another CPU was read comes after it.
 *   readers  `n` of them, each on a ring of its own
 * Returns false when no ring has anything new.
 */
bool ring_read_oldest(struct ring_reader *readers, unsigned n, struct trap_record *out);

#endif
