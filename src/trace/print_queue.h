// SPDX-License-Identifier: MIT
/*
 * The numbers of one CPU's records that wait to be printed: the CPU writes head, the printer tail. A part of the room is reserved
 * for kinds that have few records in the queue, so that a flood of one kind does not exclude the others.
 */
#ifndef TRAPLINE_PRINT_QUEUE_H
#define TRAPLINE_PRINT_QUEUE_H

#include <stdatomic.h>
#include <stdint.h>
#include <trapline/record.h>
#include "hw/cache_line.h"

#define PRINT_QUEUE    1024
#define PRINT_RESERVE  256 /* part of it that is reserved for kinds with few records */
#define PRINT_FEW      (PRINT_RESERVE / 32)
#define PRINT_SEQ_BITS 56
/* The kinds of records, for rate and room: the vectors of exceptions, and these. */
enum print_kind {
	PRINT_NEW_SITE =
		32, /* the first exception of an important site, when its vector is beyond its rate */
	PRINT_WATCH,
	PRINT_MARK,
	PRINT_KINDS
};

struct print_queue {
	/* Lines that the CPU writes: */
	LINE_ALIGNED _Atomic uint32_t head;
	uint32_t put[PRINT_KINDS];     /* total */
	uint64_t lost;                 /* records that found the queue full */
	uint64_t limited[PRINT_KINDS]; /* beyond the rate, counted without being queued */
	uint64_t all_limited;
	LINE_ALIGNED uint64_t entry[PRINT_QUEUE]; /* seq, and the kind above PRINT_SEQ_BITS */
	/* Lines that the printer writes, on any CPU: */
	LINE_ALIGNED _Atomic uint32_t tail;
	_Atomic uint32_t taken[PRINT_KINDS]; /* total */
};

/* The kind of a record, at first sight. */
static inline unsigned print_kind(const struct trap_record *r)
{
	if (__builtin_expect(r->type >= TRAP_TYPE_WATCH, 0))
		return r->type == TRAP_TYPE_MARK ? PRINT_MARK : PRINT_WATCH;
	return r->vector & 31;
}

static inline uint32_t print_queue_of_kind(const struct print_queue *q, unsigned kind)
{
	return q->put[kind] - atomic_load_explicit(&q->taken[kind], memory_order_relaxed);
}

static inline void print_queue_limit(struct print_queue *q, unsigned kind)
{
	q->limited[kind]++;
	q->all_limited++;
}

/* Queues a record that has just been committed. On the hot path. */
static inline void print_queue_put(struct print_queue *q, const struct trap_record *r, unsigned kind)
{
	uint32_t head = atomic_load_explicit(&q->head, memory_order_relaxed);
	uint32_t waiting = head - atomic_load_explicit(&q->tail, memory_order_acquire);

	if (waiting >= PRINT_QUEUE - PRINT_RESERVE &&
		(waiting == PRINT_QUEUE || print_queue_of_kind(q, kind) >= PRINT_FEW)) {
		q->lost++;
		return;
	}
	q->put[kind]++;
	q->entry[head % PRINT_QUEUE] = r->seq | (uint64_t)kind << PRINT_SEQ_BITS;
	atomic_store_explicit(&q->head, head + 1, memory_order_release);
}

#endif
