// SPDX-License-Identifier: MIT
/*
 * libFuzzer: the box of a last run as the loader finds it: any header, any text, any records and exits, with
 * right or wrong checksums. It is refused, or read without leaving its bounds. The resulting text is
 * terminated, stays in its buffer, and is printable.
 */
#include "input.h"
#include <boot/blackbox_layout.h>
#include "blackbox/blackbox.h"
#include "report/recall.h"
#include "report/report.h"
#include "trace/reserve.h"

#define RECORDS 8
#define EXITS   16
#define ROOM    (512ull << 10) /* for two CPUs, and a page or more behind them */
#define WORDS   512

/* The format of exits is the vendors' and needs a VMM. */
void report_exit_line(struct text *t, const struct fold_line *line, const struct trap_clock *clock)
{
	const struct exit_entry *e = line->exit;

	text_add(t, "exit rip=0x%llx reason=0x%x qualifier=0x%llx tsc=%llu khz=%u",
		(unsigned long long)e->rip, e->reason, (unsigned long long)e->qualifier,
		(unsigned long long)exit_entry_tsc(e), clock->tsc_khz);
}

static struct blackbox_header sound(void)
{
	struct blackbox_header h = {
		.magic = BLACKBOX_MAGIC,
		.version = BLACKBOX_VERSION,
		.header_size = sizeof(h),
		.size = ROOM,
		.text_at = 4096,
		.last_at = 4096 + BLACKBOX_TEXT_SIZE,
		.rings_at = 4096 + 2 * BLACKBOX_TEXT_SIZE,
		.cpu_size = blackbox_part(RECORDS, EXITS).size,
		.cpus = 2,
		.ring_records = RECORDS,
		.history_entries = EXITS,
		.record_version = TRAP_RECORD_VERSION,
		.tsc_khz = 1000,
	};

	return h;
}

/* Words of the header that may differ from the right ones. */
static void damage_header(struct blackbox_header *h)
{
	for (unsigned n = take8() & 3; n; n--) {
		unsigned at = take8() % (sizeof(*h) / 8);
		uint64_t word = take64();

		memcpy((char *)h + 8 * at, &word, 8);
	}
}

static void damage_box(uint8_t *box, const struct blackbox_header *h)
{
	for (unsigned n = 0; n < WORDS && input_left > 16; n++) {
		uint8_t shape = take8();
		uint64_t at = shape & 1 ? h->rings_at + take32() % (ROOM - h->rings_at - 16)
					: h->text_at + take32() % BLACKBOX_TEXT_SIZE;

		take(box + at, 1 + shape / 32);
	}
}

static void put_record(
	uint8_t *box, const struct blackbox_header *h, const struct trap_record *r, uint8_t shape)
{
	struct blackbox_part part = blackbox_part(RECORDS, EXITS);
	uint64_t cpu = h->rings_at + r->cpu * h->cpu_size, at = cpu + (shape & 16 ? part.beside_at : 0);
	struct reserve *reserve = (struct reserve *)(box + cpu + part.reserve_at);

	if (shape & 8)
		reserve_add(reserve, r, 1);
	else
		memcpy(box + at + (r->seq & 7) * sizeof(*r), r, sizeof(*r));
}

/* Valid records, so that the search gets past the invalid ones. */
static void put_records(uint8_t *box, const struct blackbox_header *h)
{
	unsigned n = take8() & 15;

	for (unsigned i = 0; i < n; i++) {
		struct trap_record r;
		uint8_t shape = take8();

		take(&r, sizeof(r));
		r.cpu = shape & 1;
		if (shape & 2) {
			r.seq = 1 + take8();
			r.cpl &= 3;
			r.code_len &= 15;
			r.mode = shape & 4 ? 64 : 32;
		}
		put_record(box, h, &r, shape);
	}
}

static void sum_up(struct blackbox_header *h, const uint8_t *box, uint8_t right)
{
	h->text_sum = right & 1 ? blackbox_text_sum(box + 4096) : take64();
	if (right & 2) {
		h->end.sealed = 1;
		h->end.rings_sum = right & 4 ? take64() : 0;
		h->end.checksum = blackbox_end_sum(&h->end);
	}
	if (right & 0x78)
		h->checksum = blackbox_header_sum(h);
}

static void check_text(const char *text, size_t size)
{
	assert(memchr(text, 0, size));
	for (; *text; text++)
		assert(*text == '\n' || (*text >= ' ' && *text <= '~'));
}

static void recall(uint8_t *box)
{
	size_t room = take8() & 1 ? 1 + take32() % (2 * BLACKBOX_TEXT_SIZE) : 2 * BLACKBOX_TEXT_SIZE;
	char *text = malloc(room);
	struct boot_info info = {0};

	assert(text);
	info.last_base = (uint64_t)box;
	info.last_text = (uint64_t)text;
	info.last_text_size = room;
	blackbox_recall(&info);
	check_text(text, room);
	check_text(blackbox_last(), BLACKBOX_TEXT_SIZE);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t *box; /* of exactly this size, so that a read beyond it is caught */
	struct blackbox_header h = sound(), good = h;
	uint8_t right;

	if (!box)
		box = aligned_alloc(4096, ROOM);
	assert(box);
	input_begin(data, size);
	right = take8();
	memset(box, take8(), ROOM);
	put_records(box, &good);
	take(h.vmm_version, sizeof(h.vmm_version));
	take(h.started, sizeof(h.started));
	take(h.end.why, sizeof(h.end.why) - 1);
	h.text_head = take8() & 1 ? take64() : take8() * 64;
	h.end.report = h.text_head - take8();
	h.end.failure = take8() & 1;
	damage_header(&h);
	damage_box(box, &good);
	sum_up(&h, box, right);
	memcpy(box, &h, sizeof(h));
	if (!blackbox_fault(&h, ROOM))
		recall(box);
	return 0;
}
