// SPDX-License-Identifier: MIT
/*
 * libFuzzer: any record, with any code bytes, as text. A line is printable, ends at the returned length, stays within
 * TRAP_LINE_MAX, and is logfmt; with less room its last fields are omitted as a whole. The
 * decoder lists no more registers and operands than fit, and none if it decodes nothing.
 */
#include "input.h"
#include "trace/bits.h"
#include "trace/decode.h"
#include "trace/explain.h"
#include "trace/format.h"
#include "trace/gate.h"
#include "trace/summary.h"

#define MUCH 4096

static void check_decoded(const struct trap_record *r)
{
	struct decoded d;
	enum decode_result result = decode(r, &d);

	assert(memchr(d.text, 0, sizeof(d.text)) && is_printable(d.text));
	assert(d.regs <= DECODE_REGS_MAX && d.mems <= DECODE_MEMS_MAX);
	for (unsigned i = 0; i < d.regs; i++)
		assert(d.reg[i].name && *d.reg[i].name && is_printable(d.reg[i].name));
	if (result == DECODE_OK)
		assert(d.length && d.length <= r->code_len && d.length <= TRAP_CODE_MAX && d.text[0]);
	else
		assert(!d.length && !d.text[0] && !d.regs && !d.mems);
}

/* The end of a value, which is one word or quoted. NULL: it is neither. */
static const char *skip_value(const char *at)
{
	if (*at != '"') {
		size_t n = strcspn(at, " \"\\");

		return n && (at[n] == ' ' || !at[n]) ? at + n : NULL;
	}
	for (at++; *at && *at != '"'; at++)
		if (*at == '\\' && !*++at)
			return NULL;
	return *at ? at + 1 : NULL;
}

static void check_logfmt(const char *line)
{
	static const char *const kinds[] = {"trap", "mark", "watch"};
	const char *at = line + strcspn(line, " ");
	bool known = false;

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		known |=
			(size_t)(at - line) == strlen(kinds[i]) && !strncmp(line, kinds[i], strlen(kinds[i]));
	assert(known);
	while (*at) {
		size_t name;

		assert(*at == ' ');
		at++;
		name = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789_");
		assert(name && at[name] == '=');
		at = skip_value(at + name + 1);
		assert(at);
	}
}

static void check_short(const char *whole, const struct trap_record *r, const struct trap_clock *clock)
{
	size_t room = take32() % (TRAP_LINE_MAX + 1), n;
	char *line = malloc(room + !room); /* of exactly this size, so that one byte more is caught */

	assert(line);
	n = trap_format(line, room, r, clock);
	assert(n < room || (!n && !room));
	if (room) {
		assert(!line[n] && strlen(line) == n && !strncmp(line, whole, n));
		if (n > strcspn(whole, " "))
			check_logfmt(line);
	}
	free(line);
}

/* The other parts that are made of bits. */
static void check_bits(void)
{
	uint8_t bytes[GATE_SIZE_MAX];
	char out[512];
	struct text t = text_on(out, sizeof(out));
	enum gate_kind kind = take8() % 3;
	struct gate_info g;

	take(bytes, sizeof(bytes));
	g = gate_decode(kind, bytes);
	gate_format(&t, kind, &g);
	assert(!t.cut && is_printable(out));
	t = text_on(out, sizeof(out));
	bits_add(&t, take8() % (BITS_RFLAGS + 1), take64());
	assert(!t.cut && is_printable(out));
	t = text_on(out, sizeof(out));
	bits_add_segment(&t, take32());
	assert(!t.cut && is_printable(out));
}

static void check_summary(void)
{
	char out[SUMMARY_MAX];
	struct trap_counts counts;

	take(&counts, sizeof(counts));
	memset(&counts, take8(), sizeof(counts) / 2);
	assert(summary_format(out, sizeof(out), &counts) == strlen(out) && strlen(out) + 1 < SUMMARY_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t modes[] = {16, 32, 64};
	char line[TRAP_LINE_MAX], much[MUCH];
	struct trap_record r;
	struct trap_clock clock;
	uint8_t shape;

	input_begin(data, size);
	shape = take8();
	take(r.code, sizeof(r.code)); /* first, because most of the result depends on them */
	take(&r, offsetof(struct trap_record, code));
	clock = (struct trap_clock){.tsc_start = take64(), .tsc_khz = take32()};
	if (!(shape & 0x80)) {
		r.mode = modes[shape % 3];
		r.code_len = shape & 0x40 ? r.code_len % 16 : TRAP_CODE_MAX;
	}
	check_decoded(&r);
	assert(trap_format(line, sizeof(line), &r, &clock) == strlen(line));
	assert(is_printable(line));
	check_logfmt(line);
	/* Nothing is omitted for lack of room. */
	trap_format(much, sizeof(much), &r, &clock);
	assert(!strcmp(line, much));
	check_short(line, &r, &clock);
	check_bits();
	check_summary();
	return 0;
}
