// SPDX-License-Identifier: MIT
/*
 * The last exits of one CPU, which reports show besides the recorded exceptions. Written on the
 * hot path in a dozen instructions, by this CPU only; read when the CPU makes a report of its own, or is
 * parked.
 */
#ifndef TRAPLINE_HISTORY_H
#define TRAPLINE_HISTORY_H

#include <stdint.h>

struct exit_entry {
	uint64_t rip;       /* the guest's at the exit */
	uint64_t qualifier; /* VT-x: exit qualification; AMD-V: EXITINFO1 */
	uint64_t tsc;
	uint32_t reason; /* the hardware's own code */
	uint32_t reserved;
};

static inline uint64_t exit_entry_tsc(const struct exit_entry *e)
{
	return e->tsc;
}

/*
 * A ring whose length is a power of two, at an address that is a multiple of twice its size in bytes.
 * Stepping beyond its end sets a bit that is clear in every entry's address, and `keep` clears it again.
 */
struct exit_history {
	struct exit_entry *next;
	uint64_t keep;
	struct exit_entry *entries;
	uint32_t count;
};

/* entries: zeroes, at a multiple of twice their size; count: a power of two */
static inline void history_init(struct exit_history *h, struct exit_entry *entries, uint32_t count)
{
	h->entries = h->next = entries;
	h->keep = ~(count * sizeof(struct exit_entry));
	h->count = count;
}

/* Adds an exit, and returns its time. On the hot path. */
static inline uint64_t history_note(struct exit_history *h, uint64_t rip, uint32_t reason, uint64_t qualifier)
{
	struct exit_entry *e = h->next;
	uint64_t lo, hi;

	h->next = (struct exit_entry *)((uint64_t)(e + 1) & h->keep);
	e->rip = rip;
	e->qualifier = qualifier;
	e->reason = reason;
	/* It clears the upper halves. The stores are in front of it, so that the values need no registers during it. */
	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	e->tsc = lo |= hi << 32;
	return lo;
}

/* The time of the newest entry, which is the exit that is being handled. */
static inline uint64_t history_now(const struct exit_history *h)
{
	return exit_entry_tsc(h->next == h->entries ? &h->entries[h->count - 1] : h->next - 1);
}

/* Entry i, from 0, the oldest. An unused entry has a TSC of 0. */
static inline const struct exit_entry *history_at(const struct exit_history *h, uint32_t i)
{
	return &h->entries[((uint32_t)(h->next - h->entries) + i) & (h->count - 1)];
}

#endif
