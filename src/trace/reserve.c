// SPDX-License-Identifier: MIT
#include "trace/reserve.h"
#include <stddef.h>

bool reserve_add(struct reserve *reserve, const struct trap_record *r, uint64_t soon)
{
	unsigned v = r->vector % RESERVE_VECTORS;
	struct trap_record *slot = &reserve->record[v][reserve->count[v] % RESERVE_RECORDS];
	uint64_t before = slot->seq;

	__atomic_store_n(&slot->seq, 0, __ATOMIC_RELAXED);
	atomic_thread_fence(memory_order_release); /* as in ring_begin() */
	__builtin_memcpy(&slot->tsc, &r->tsc, sizeof(*r) - offsetof(struct trap_record, tsc));
	__atomic_store_n(&slot->seq, r->seq, __ATOMIC_RELEASE);
	__atomic_store_n(&reserve->count[v], reserve->count[v] + 1, __ATOMIC_RELEASE);
	return !before || r->seq - before >= soon;
}

bool reserve_at(const struct reserve *reserve, unsigned vector, unsigned i, struct trap_record *out)
{
	uint64_t count = __atomic_load_n(&reserve->count[vector], __ATOMIC_ACQUIRE);
	uint64_t oldest = count > RESERVE_RECORDS ? count - RESERVE_RECORDS : 0;

	return oldest + i < count && ring_copy(&reserve->record[vector][(oldest + i) % RESERVE_RECORDS], out);
}
