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
