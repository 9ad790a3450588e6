// SPDX-License-Identifier: MIT
/*
 * The only lock type. Critical sections are short, and the hot path takes no lock. LOCK_FREE, all zeros, is the initial
 * state.
 */
#ifndef TRAPLINE_LOCK_H
#define TRAPLINE_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct lock {
	_Atomic uint32_t holder;
};

#define LOCK_NOBODY   0u
#define LOCK_SOMEBODY (~0u)

#define LOCK_FREE                                                                                            \
	{                                                                                                    \
		LOCK_NOBODY                                                                                  \
	}

/* Takes the lock for `holder`, which is not LOCK_NOBODY. Returns LOCK_NOBODY on success, otherwise the present holder. */
static inline uint32_t lock_claim(struct lock *l, uint32_t holder)
{
	uint32_t now = LOCK_NOBODY;

	atomic_compare_exchange_strong_explicit(
		&l->holder, &now, holder, memory_order_acquire, memory_order_acquire);
	return now;
}

static inline bool lock_try(struct lock *l)
{
	return lock_claim(l, LOCK_SOMEBODY) == LOCK_NOBODY;
}

/* Waits for the lock, and calls turn() meanwhile. Only for a lock whose holder is another running CPU. */
static inline void lock_take(struct lock *l, void (*turn)(void))
{
	while (!lock_try(l))
		turn();
}

static inline void lock_give(struct lock *l)
{
	atomic_store_explicit(&l->holder, LOCK_NOBODY, memory_order_release);
}

static inline uint32_t lock_holder(const struct lock *l)
{
	return atomic_load(&l->holder);
}

#endif
