// SPDX-License-Identifier: MIT
#include "trace/backtrace.h"
#include "trace/decode.h"

#define CALL_MOST   7 /* FF /2 with SIB and a displacement of 32 bits, without prefixes */
#define FRAMES_MOST 1024
#define FRAME_MOST  (64 * 1024) /* largest distance from one frame to the next */
#define PAGE        4096ull

/* The state of one backtrace. */
struct search {
	struct backtrace *b;
	const struct trap_record *r;
	backtrace_read *read;
	void *context;
	unsigned word; /* bytes of a return address: 2, 4 or 8 */
};

static uint64_t cut_to_mode(const struct search *s, uint64_t value)
{
	return s->word == 8 ? value : value & ((1ull << 8 * s->word) - 1);
}

/* The linear address of code: only in 64-bit mode CS has no base (SDM vol. 3A 3.4.4). */
static uint64_t code_address(const struct search *s, uint64_t rip)
{
	return s->word == 8 ? rip : (uint32_t)(s->r->cs_base + cut_to_mode(s, rip));
}

/* Cuts RSP, RBP or an address on the stack to its valid bits: SS.B decides, whatever the code's mode is. */
static uint64_t cut_to_stack(const struct search *s, uint64_t at)
{
	if (s->word == 8)
		return at;
	return s->r->stack32 ? (uint32_t)at : (uint16_t)at;
}

static uint64_t stack_address(const struct search *s, uint64_t at)
{
	return s->word == 8 ? at : (uint32_t)(s->r->ss_base + cut_to_stack(s, at));
}

/* Whether the mode can have this linear address. */
static bool is_linear(const struct search *s, uint64_t linear)
{
	return s->word == 8 ? decode_is_canonical(s->r, linear) : linear <= UINT32_MAX;
}

static bool read_memory(const struct search *s, uint64_t linear, void *to, unsigned n)
{
	uint64_t last = linear + n - 1;

	return last >= linear && is_linear(s, linear) && is_linear(s, last) &&
	       s->read(s->context, linear, to, n);
}

/* Reads a word of the stack; its address is an offset into SS. */
static bool read_word(const struct search *s, uint64_t at, uint64_t *value)
{
	*value = 0;
	return read_memory(s, stack_address(s, at), value, s->word);
}

/* The length of FF /2, opcode included, with addresses of 32 or 64 bits: SDM vol. 2A table 2-2. */
static unsigned length_wide(uint8_t modrm, uint8_t sib)
{
	unsigned mod = modrm >> 6, rm = modrm & 7, n = rm == 4 ? 3 : 2;

	switch (mod) {
	case 0:
		return rm == 5 || (rm == 4 && (sib & 7) == 5) ? n + 4 : n;
	case 1:
		return n + 1;
	case 2:
		return n + 4;
	default:
		return 2;
	}
}

/* The same for addresses of 16 bits: table 2-1. */
static unsigned length_16(uint8_t modrm)
{
	static const uint8_t length[] = {2, 3, 4, 2};

	return (modrm & 0xc7) == 0x06 ? 4 : length[modrm >> 6];
}

static bool is_indirect_call(const struct search *s, const uint8_t *code, unsigned n)
{
	if (n < 2 || code[0] != 0xff || (code[1] >> 3 & 7) != 2)
		return false;
	return n == (s->word == 2 ? length_16(code[1]) : length_wide(code[1], n > 2 ? code[2] : 0));
}

/*
 * The displacement of an E8 that ends at `end`. It is as wide as the code. In 16-bit code a prefix 66 makes it 32 bits wide,
 * as compilers write it there.
 */
static bool direct_distance(const struct search *s, const uint8_t *end, unsigned n, int64_t *distance)
{
	int32_t wide;
	int16_t narrow;

	if (n >= 5 && end[-5] == 0xe8 && (s->word > 2 || (n >= 6 && end[-6] == 0x66))) {
		__builtin_memcpy(&wide, end - 4, 4);
		*distance = wide;
		return true;
	}
	if (s->word > 2 || n < 3 || end[-3] != 0xe8)
		return false;
	__builtin_memcpy(&narrow, end - 2, 2);
	*distance = narrow;
	return true;
}

/* Reads up to CALL_MOST bytes before an address, fewer at the start of a page. They end at code + CALL_MOST. */
static unsigned read_before(const struct search *s, uint64_t rip, uint8_t *code)
{
	uint64_t end = code_address(s, rip);
	unsigned n = CALL_MOST;

	if (!read_memory(s, end - n, code, n)) {
		n = (unsigned)(end % PAGE);
		if (n >= CALL_MOST || !n || !read_memory(s, end - n, code + CALL_MOST - n, n))
			return 0;
	}
	return n;
}

/* Whether an address follows a CALL. For E8, *target is the address that it calls. */
static bool is_behind_call(const struct search *s, uint64_t rip, uint64_t *target)
{
	uint8_t code[CALL_MOST], *end = code + CALL_MOST;
	unsigned n = read_before(s, rip, code);
	int64_t distance;

	*target = 0;
	if (direct_distance(s, end, n, &distance)) {
		*target = cut_to_mode(s, rip + (uint64_t)distance);
		return true;
	}
	for (unsigned length = 2; length <= n; length++)
		if (is_indirect_call(s, end - length, length))
			return true;
	return false;
}

static bool full(const struct search *s)
{
	return s->b->count == BACKTRACE_MAX;
}

static void add(const struct search *s, uint64_t rip, uint64_t at, enum backtrace_how how)
{
	struct backtrace_place *last = s->b->count ? &s->b->place[s->b->count - 1] : NULL;

	if (last && last->rip == rip && last->how == how)
		last->times++;
	else if (!full(s))
		s->b->place[s->b->count++] = (struct backtrace_place){rip, stack_address(s, at), 1, how};
}

/*
 * At the first instruction of a function its frame does not exist yet, and the return address is on top of the stack. This is
 * certain if that CALL leads here, or if no code could be fetched: a CALL through a bad pointer.
 */
static bool add_entry(const struct search *s, uint64_t rsp)
{
	const struct trap_record *r = s->r;
	bool nowhere =
		!decode_code_length(r) || ((r->flags & TRAP_HAS_CR2) && r->cr2 == code_address(s, r->rip));
	uint64_t rip, target;

	if (!read_word(s, rsp, &rip) || !is_behind_call(s, rip, &target) ||
		(!nowhere && target != cut_to_mode(s, r->rip)))
		return false;
	add(s, rip, rsp, BACKTRACE_CALL);
	return true;
}

/* One frame: the address of the next one, and the caller. */
struct frame {
	uint64_t at, next, rip;
};

static bool read_frame(const struct search *s, uint64_t at, uint64_t below, struct frame *f)
{
	uint64_t target;

	f->at = at;
	return at >= below && at - below < FRAME_MOST && at % s->word == 0 && read_word(s, at, &f->next) &&
	       read_word(s, at + s->word, &f->rip) && is_behind_call(s, f->rip, &target);
}

/*
 * Follows the chain of frames from RBP. A single frame proves nothing, because compilers use RBP for other values too: another
 * frame or the end of the chain (0) has to follow. Returns the address behind the last frame; 0: the backtrace is complete.
 */
static uint64_t add_frames(const struct search *s, uint64_t from)
{
	struct frame f, next;
	uint64_t start = from;
	unsigned frames = 0;

	if (!read_frame(s, cut_to_stack(s, s->r->gpr[TRAP_RBP]), from, &f))
		return start;
	for (; frames < FRAMES_MOST && !full(s); frames++) {
		bool more = read_frame(s, f.next, f.at + 2 * s->word, &next);

		if (!more && f.next && !frames)
			return start;
		add(s, f.rip, f.at + s->word, BACKTRACE_FRAME);
		if (!more)
			return f.next ? f.at + 2 * s->word : 0;
		f = next;
	}
	return 0;
}

/* A stack that overflowed begins in the page above. */
static bool read_or_skip(const struct search *s, uint64_t *at, uint64_t *value, bool *skipped)
{
	if (read_word(s, *at, value))
		return true;
	if (*skipped)
		return false;
	*skipped = true;
	*at = (*at | (PAGE - 1)) + 1;
	return read_word(s, *at, value);
}

static void scan(const struct search *s, uint64_t at)
{
	bool skipped = false;
	uint64_t rip, target;

	for (unsigned i = 0; i < BACKTRACE_WORDS && !full(s) && read_or_skip(s, &at, &rip, &skipped); i++) {
		if (is_behind_call(s, rip, &target))
			add(s, rip, at, BACKTRACE_GUESS);
		at += s->word;
	}
}

void backtrace_collect(struct backtrace *b, const struct trap_record *r, backtrace_read *read, void *context)
{
	struct search s = {.b = b, .r = r, .read = read, .context = context, .word = r->mode / 8u};
	uint64_t rsp;

	b->count = 0;
	if (s.word != 2 && s.word != 4 && s.word != 8)
		return;
	rsp = cut_to_stack(&s, r->gpr[TRAP_RSP]);
	if (add_entry(&s, rsp))
		rsp += s.word;
	rsp = add_frames(&s, rsp);
	if (rsp)
		scan(&s, rsp);
}

void backtrace_format(struct text *t, const struct backtrace_place *p)
{
#define X(name, text, meaning) text,
	static const char *const hows[] = {BACKTRACE_HOWS(X)};
#undef X

	text_add(t, "by 0x%llx stack=0x%llx how=%s", (unsigned long long)p->rip, (unsigned long long)p->stack,
		hows[p->how]);
	if (p->times > 1)
		text_add(t, " times=%u", p->times);
}
