// SPDX-License-Identifier: MIT
#include "trace/chain.h"

static void reverse(struct trap_record *records, unsigned n)
{
	for (unsigned i = 0; i < n / 2; i++) {
		struct trap_record r = records[i];

		records[i] = records[n - 1 - i];
		records[n - 1 - i] = r;
	}
}

unsigned chain_collect(const struct trace_ring *ring, uint64_t seq, struct trap_record *out)
{
	unsigned n = 0;

	while (n < CHAIN_MAX && seq && ring_at(ring, seq, &out[n])) {
		uint8_t link = out[n++].link;

		if (!link || link >= seq)
			break;
		seq -= link;
	}
	reverse(out, n);
	return n;
}

bool chain_is_same(const struct trap_record *a, const struct trap_record *b)
{
	return a->vector == b->vector && a->type == b->type && a->rip == b->rip &&
	       a->error_code == b->error_code;
}

unsigned chain_runs(const struct trace_ring *ring, uint64_t seq, struct trap_run *out, unsigned max)
{
	struct trap_record r;
	unsigned n = 0;

	for (; seq && ring_at(ring, seq, &r); seq--) {
		bool more = n && chain_is_same(&out[n - 1].first, &r);

		if (!more && n == max)
			break;
		if (!more)
			out[n++].count = 0;
		out[n - 1].first = r;
		out[n - 1].count++;
	}
	return n;
}
