// SPDX-License-Identifier: MIT
/*
 * The trace ring: one for each CPU, written by that CPU only, read by any CPU at any time. The writer never
 * waits: when the ring is full it overwrites the oldest record. A reader copies a record and then checks that it was
 * not overwritten meanwhile; it counts the records that it missed.
 *
 * Each slot is a small seqlock whose sequence word is the record's own seq: 0 while it is being written. On
 * x86 the fences below cost nothing; they only keep the compiler from moving accesses across them (SDM vol.
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
	uint64_t lost; /* records that were overwritten before this reader read them */
	/* After every RING_PASS_MOST records that are not there: call this, if any, and stop or go on. */
	void (*rest)(void);
	bool stops;
	uint32_t passed;
};

#define RING_PASS_MOST 16 /* a freeze may leave out as many records as there are slots */

/*
 * Initialises a ring and clears the slots' seq.
 *   records  room for `count` of them
 *   count    a power of two, 2 or more
 */
void ring_init(struct trace_ring *ring, struct trap_record *records, uint32_t count);

/* The sequence number of the next record. */
static inline uint64_t ring_next(const struct trace_ring *ring)
{
	return atomic_load_explicit(&ring->head, memory_order_relaxed) + 1;
}

/*
 * Takes the slot of the oldest record. Fill in everything but seq, then call ring_commit(). The next begin undoes a begin without
 * a commit, but the old contents of the slot are lost. Only for the CPU that the ring belongs to.
 *   seq  ring_next(), if the caller needs it as well
 */
static inline struct trap_record *ring_begin_as(struct trace_ring *ring, uint64_t seq)
{
	struct trap_record *r = &ring->records[seq & ring->mask];

	__atomic_store_n(&r->seq, 0, __ATOMIC_RELAXED);
	atomic_thread_fence(memory_order_release); /* a reader that sees new contents also sees the 0 */
	return r;
}

static inline struct trap_record *ring_begin(struct trace_ring *ring)
{
	return ring_begin_as(ring, ring_next(ring));
}

/* Publishes the record that ring_begin() returned, with the next sequence number: `seq`, if the caller has it. Only for the ring's CPU. */
static inline void ring_commit_as(struct trace_ring *ring, struct trap_record *r, uint64_t seq)
{
	__atomic_store_n(&r->seq, seq, __ATOMIC_RELEASE);
	atomic_store_explicit(&ring->head, seq, memory_order_release);
}

static inline void ring_commit(struct trace_ring *ring, struct trap_record *r)
{
	ring_commit_as(ring, r, ring_next(ring));
}

/*
 * Freeze a ring. After ring_set_aside() its CPU writes to `beside` and continues the numbers. From ring_to_take_back() on
 * ring_take_some_back() moves the newest of these records into the ring, n at a time, until it returns true: meanwhile the CPU still writes
 * to `beside`. The reader's `lost` says how many did not fit into `beside`: readers see these as overwritten. Only for the ring's CPU.
 *   beside  as long as the ring or shorter
 */
void ring_set_aside(const struct trace_ring *ring, struct trace_ring *beside);
struct ring_reader ring_to_take_back(const struct trace_ring *ring, const struct trace_ring *beside);
bool ring_take_some_back(struct trace_ring *ring, struct ring_reader *beside, unsigned n);

/* Starts a reader at the ring's first record ever: overwritten ones count as lost. */
void ring_reader_init(struct ring_reader *reader, const struct trace_ring *ring);

/*
 * Copies the next record that still exists and moves on; adds the overwritten ones before it to reader->lost.
 * Returns false, with *out undefined, if there is no new record, or if the reader has stopped.
 */
bool ring_read(struct ring_reader *reader, struct trap_record *out);

/* Copies the record with this seq. Returns false if it was overwritten or does not exist yet. */
bool ring_at(const struct trace_ring *ring, uint64_t seq, struct trap_record *out);

/* Copies the record in a slot, whichever it is. Returns false if there is none, or it is being written. */
bool ring_copy(const struct trap_record *slot, struct trap_record *out);

/*
 * ring_read() over several rings: the record with the lowest TSC first. A record that
 * is committed after a later one of another CPU was read comes after it.
 *   readers  n readers, each on a ring of its own
 * Returns false if no ring has a new record.
 */
bool ring_read_oldest(struct ring_reader *readers, unsigned n, struct trap_record *out);

/* The one of two readers whose next record is the older one: a step of the above. `a` may be NULL, and so may the result: no record. */
struct ring_reader *ring_older(struct ring_reader *a, struct ring_reader *b);

#endif
