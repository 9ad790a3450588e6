// SPDX-License-Identifier: MIT
/*
 * libFuzzer: the trace ring with one writer and two readers, in any order of steps, against a plain count:
 * every record is read once, in order, or is counted as lost. Then with any words in the slots and the head,
 * as in a damaged ring: each read ends, and nothing outside of the slots is
 * accessed. The chain of a fault is followed in both cases.
 */
#include "input.h"
#include "trace/chain.h"

#define SLOTS  8
#define STEPS  256
#define RINGS  2
#define READS  (4 * SLOTS)
#define BESIDE 4

struct writer {
	struct trace_ring ring;
	struct trap_record *slots;
	uint64_t tsc;
};

static struct trap_record *make_slots(void)
{
	struct trap_record *slots = aligned_alloc(256, SLOTS * sizeof(*slots));

	assert(slots);
	memset(slots, 0xa5, SLOTS * sizeof(*slots));
	return slots;
}

static void write_record(struct writer *w)
{
	struct trap_record *r = ring_begin(&w->ring);

	w->tsc += take8() & 3;
	memset((char *)r + sizeof(r->seq), 0, sizeof(*r) - sizeof(r->seq));
	r->tsc = w->tsc;
	r->flags = take8();
	r->vector = take8() & 3;
	r->link = r->flags & TRAP_DURING ? take8() & 3 : 0;
	if (!(r->flags & 0x80) || take8() & 1)
		ring_commit(&w->ring, r);
}

static uint64_t head(const struct writer *w)
{
	return atomic_load(&w->ring.head);
}

static void check_chain(const struct writer *w)
{
	struct trap_record chain[CHAIN_MAX];
	struct trap_run runs[4];
	uint64_t seq = take8();
	unsigned n = chain_collect(&w->ring, seq, chain), m = chain_runs(&w->ring, seq, runs, 4);

	assert(n <= CHAIN_MAX && m <= 4);
	assert(!n || chain[n - 1].seq == seq);
	for (unsigned i = 1; i < n; i++)
		assert(chain[i - 1].seq < chain[i].seq);
	for (unsigned i = 0; i < m; i++)
		assert(runs[i].count && runs[i].count <= SLOTS);
}

/* One reader for each ring, and one over both that takes the oldest record. */
static void check_steps(struct writer *w)
{
	struct ring_reader alone, both[RINGS];
	uint64_t last = 0, seen = 0, seen_of_both = 0;
	struct trap_record r;

	ring_reader_init(&alone, &w[0].ring);
	for (unsigned n = 0; n < RINGS; n++)
		ring_reader_init(&both[n], &w[n].ring);
	for (unsigned i = 0; i < STEPS && input_left; i++) {
		uint8_t step = take8();

		if (step & 1) {
			write_record(&w[step >> 1 & 1]);
		} else if (step & 2) {
			if (!ring_read(&alone, &r))
				continue;
			assert(r.seq > last && r.seq <= head(&w[0]));
			last = r.seq;
			seen++;
		} else if (step & 4) {
			seen_of_both += ring_read_oldest(both, RINGS, &r);
		} else if (ring_at(&w[0].ring, step >> 3, &r)) {
			assert(r.seq == step >> 3 && r.seq + SLOTS > head(&w[0]));
		}
		check_chain(&w[0]);
	}
	while (ring_read(&alone, &r))
		seen++;
	while (ring_read_oldest(both, RINGS, &r))
		seen_of_both++;
	assert(seen + alone.lost == head(&w[0]));
	assert(seen_of_both + both[0].lost + both[1].lost == head(&w[0]) + head(&w[1]));
}

/*
 * The ring is frozen and thawed, again and again, at any point. While it is frozen, its readers find the same records as
 * before; afterwards the newest records are in their usual slots.
 */
static void check_frozen(struct writer *w)
{
	struct writer beside = {.slots = make_slots()};
	struct ring_reader reader;
	struct ring_reader back;
	struct trap_record r;
	uint64_t seen = 0, not_kept = 0, last = 0, froze_at = 0;
	bool frozen = false;

	ring_init(&beside.ring, beside.slots, BESIDE);
	ring_reader_init(&reader, &w->ring);
	for (unsigned i = 0; i < STEPS && input_left; i++) {
		uint8_t step = take8();

		if (step & 1) {
			write_record(frozen ? &beside : w);
		} else if (step & 2) {
			for (; ring_read(&reader, &r); seen++, last = r.seq)
				assert(r.seq > last && r.seq <= head(w));
		} else if (frozen) {
			assert(head(w) == froze_at);
			back = ring_to_take_back(&w->ring, &beside.ring);
			while (!ring_take_some_back(&w->ring, &back, 8))
				;
			not_kept = back.lost;
			assert(head(w) == head(&beside));
			assert(not_kept <= head(w) - froze_at &&
				(head(w) - froze_at > BESIDE || not_kept <= 1));
			frozen = false;
		} else {
			froze_at = head(w);
			ring_set_aside(&w->ring, &beside.ring);
			frozen = true;
		}
	}
	while (ring_read(&reader, &r))
		seen++;
	assert(seen + reader.lost == head(w));
	free(beside.slots);
}

static void check_ruin(struct writer *w)
{
	struct ring_reader reader;
	struct trap_record r;
	uint64_t from;

	for (unsigned i = 0; i < SLOTS; i++) {
		uint8_t shape = take8();

		take(&w->slots[i], offsetof(struct trap_record, cr2));
		w->slots[i].flags = shape;
		w->slots[i].link = take8();
		if (shape & 1)
			w->slots[i].seq = shape >> 1;
	}
	from = take64() >> 1; /* no real ring reaches the end of its numbers */
	atomic_store(&w->ring.head, take8() & 1 ? from + take8() : take8());
	reader = (struct ring_reader){.ring = &w->ring, .next = from};
	for (unsigned i = 0; ring_read(&reader, &r); i++)
		assert(i < READS && r.seq == reader.next - 1);
	check_chain(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct writer w[RINGS];

	input_begin(data, size);
	for (unsigned n = 0; n < RINGS; n++) {
		w[n] = (struct writer){.slots = make_slots()};
		ring_init(&w[n].ring, w[n].slots, SLOTS);
	}
	check_steps(w);
	input_begin(data, size);
	check_frozen(&w[1]);
	input_begin(data, size);
	check_ruin(&w[0]);
	for (unsigned n = 0; n < RINGS; n++)
		free(w[n].slots);
	return 0;
}
