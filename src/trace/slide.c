// SPDX-License-Identifier: MIT
#include "trace/slide.h"
#include "lib/string.h"

#define GATES_LEAST    4 /* with fewer it is no witness */
#define CALLS_LEAST    4
#define NEAR           (64ull << 20) /* a call leads into the same kernel */
#define TRIED_MOST     4096          /* a large kernel whose grain is a page has some hundred */
#define COMPLETED_MOST 32
#define PASSED_OVER    32 /* functions, in the time of one look-up */
#define OP_CALL        0xe8
#define OP_JMP         0xe9

/* How many of the entry points and calls fit a slide. */
struct score {
	unsigned gates, gates_there;
	unsigned calls, calls_there;
	bool lstar;
};

static void step(const struct slide_seen *seen)
{
	if (!seen->rest || ++seen->rest->steps < SLIDE_STEPS)
		return;
	seen->rest->steps = 0;
	seen->rest->rest();
}

void slide_add_gate(struct slide_seen *seen, uint64_t address)
{
	for (unsigned i = 0; i < seen->gates; i++)
		if (seen->gate[i] == address)
			return;
	if (seen->gates < SLIDE_GATES_MAX)
		seen->gate[seen->gates++] = address;
}

static bool has_call(const struct slide_seen *seen, uint64_t to)
{
	for (unsigned i = 0; i < seen->calls; i++)
		if (seen->call[i].to == to)
			return true;
	return false;
}

void slide_add_code(struct slide_seen *seen, uint64_t address, const uint8_t *code, unsigned n)
{
	for (unsigned i = 0; i + 5 <= n; i++) {
		int32_t distance;
		uint64_t to;

		if (code[i] != OP_CALL && code[i] != OP_JMP)
			continue;
		memcpy(&distance, code + i + 1, sizeof(distance));
		to = address + i + 5 + (uint64_t)(int64_t)distance;
		step(seen);
		if (to - address + NEAR >= 2 * NEAR || has_call(seen, to) || seen->calls == SLIDE_CALLS_MAX)
			continue;
		seen->call[seen->calls++] = (struct slide_call){address, to};
	}
}

/* Whether a function starts at this address. Together with is_inside() it is all that takes long. */
static bool starts(const struct names_block *b, const struct names_map *m, const struct slide_seen *seen,
	uint64_t address)
{
	step(seen);
	return names_map_starts(b, m, address);
}

/* A jump within a function is no witness: its target is a label, which has no name. */
static bool is_inside(const struct names_block *b, const struct names_map *m, const struct slide_seen *seen,
	uint64_t from, uint64_t to)
{
	uint32_t x, y;

	step(seen);
	return names_map_entry(b, m, from, &x) && names_map_entry(b, m, to, &y) && x == y;
}

/* Unused gates of Linux still lead into one array of stubs, early_idt_handler_array: these gates are no witnesses. */
static bool is_stub(const struct names_block *b, const struct names_map *m, const struct slide_seen *seen,
	uint64_t slide, unsigned gate)
{
	for (unsigned i = 0; i < seen->gates; i++)
		if (i != gate && is_inside(b, m, seen, seen->gate[gate] - slide, seen->gate[i] - slide))
			return true;
	return false;
}

static void score_gates(struct score *s, const struct names_block *b, const struct names_map *m,
	const struct slide_seen *seen, uint64_t slide)
{
	for (unsigned i = 0; i < seen->gates; i++)
		s->gates_there += starts(b, m, seen, seen->gate[i] - slide) || !is_stub(b, m, seen, slide, i);
}

static void score_calls(struct score *s, const struct names_block *b, const struct names_map *m,
	const struct slide_seen *seen, uint64_t slide)
{
	for (unsigned i = 0; i < seen->calls; i++) {
		uint64_t from = seen->call[i].from - slide, to = seen->call[i].to - slide;

		if (is_inside(b, m, seen, from, to))
			continue;
		s->calls_there++;
		s->calls += starts(b, m, seen, to);
	}
}

static struct score score_of(
	const struct names_block *b, const struct names_map *m, const struct slide_seen *seen, uint64_t slide)
{
	struct score s = {.lstar = seen->lstar && starts(b, m, seen, seen->lstar - slide)};

	for (unsigned i = 0; i < seen->gates; i++)
		s.gates += starts(b, m, seen, seen->gate[i] - slide);
	return s;
}

/* The rest, which takes longer. */
static void complete(struct score *s, const struct names_block *b, const struct names_map *m,
	const struct slide_seen *seen, uint64_t slide)
{
	score_gates(s, b, m, seen, slide);
	score_calls(s, b, m, seen, slide);
}

/* A few gates may be broken, and a few calls may be parts of other instructions. */
static bool are_most(unsigned fit, unsigned there)
{
	return 4 * fit >= 3 * there;
}

/* The witnesses that agree, as bits; 0: one of them disagrees, or there is only one. */
static unsigned judge(const struct slide_seen *seen, const struct score *s, uint64_t slide)
{
	unsigned w = 0;

	if (s->gates_there >= GATES_LEAST && !are_most(s->gates, s->gates_there))
		return 0;
	if (seen->lstar && !s->lstar)
		return 0;
	if (s->calls_there >= CALLS_LEAST && !are_most(s->calls, s->calls_there))
		return 0;
	w |= s->gates_there >= GATES_LEAST ? SLIDE_IDT : 0;
	w |= s->lstar ? SLIDE_LSTAR : 0;
	w |= s->calls_there >= CALLS_LEAST ? SLIDE_CALLS : 0;
	/* Without a slide nothing has to be found, and one witness is enough. */
	return w & (w - 1) || (w && !slide) ? w : 0;
}

/* One search. No map and no guest makes it long: interrupts are off. */
struct search {
	const struct names_block *b;
	const struct names_map *m;
	const struct slide_seen *seen;
	uint64_t slide;
	unsigned witnesses;
	unsigned found;            /* slides with enough witnesses */
	unsigned tried, completed; /* slides that were scored, and scored in full */
};

static void try_slide(struct search *s, uint64_t slide)
{
	struct score score;
	unsigned w;

	score = score_of(s->b, s->m, s->seen, slide);
	if (!score.lstar && score.gates < GATES_LEAST)
		return;
	s->completed++;
	complete(&score, s->b, s->m, s->seen, slide);
	w = judge(s->seen, &score, slide);
	if (!w)
		return;
	s->slide = slide;
	s->witnesses = w;
	s->found++;
}

/* Tries each slide that makes this entry point the start of a function. */
static void try_from(struct search *s, uint64_t entry)
{
	const uint32_t *offset = (const uint32_t *)((const char *)s->b + s->m->offsets);

	for (uint32_t i = 0; i < s->m->count && s->tried < TRIED_MOST && s->completed < COMPLETED_MOST; i++) {
		uint64_t slide = entry - s->m->base - offset[i];

		if (i % PASSED_OVER == 0)
			step(s->seen);
		if (slide & (s->m->grain - 1))
			continue;
		s->tried++;
		if (starts(s->b, s->m, s->seen, entry - slide))
			try_slide(s, slide);
	}
}

enum slide_result slide_find(const struct names_block *b, const struct names_map *m,
	const struct slide_seen *seen, uint64_t *slide, unsigned *witnesses)
{
	struct search s = {.b = b, .m = m, .seen = seen};
	unsigned from = seen->gates < GATES_LEAST ? 0 : GATES_LEAST;

	if (!m->count || (!seen->lstar && !from))
		return SLIDE_OPEN;
	if (seen->lstar)
		try_from(&s, seen->lstar);
	for (unsigned i = 0; !seen->lstar && !s.found && i < from; i++)
		try_from(&s, seen->gate[i]);
	*slide = s.slide;
	*witnesses = s.witnesses;
	if (s.found == 1 && s.tried < TRIED_MOST && s.completed < COMPLETED_MOST)
		return SLIDE_FITS;
	/* While a kernel starts, it has other gates, and LSTAR is still 0. */
	return s.found || seen->lstar ? SLIDE_MISFITS : SLIDE_OPEN;
}

bool slide_fits_any(
	const struct names_block *b, const struct names_map *m, const struct slide_seen *seen, uint64_t slide)
{
	struct score s = score_of(b, m, seen, slide);

	return s.gates || s.lstar || seen->gates < GATES_LEAST;
}

void slide_witnesses_add(struct text *t, unsigned witnesses)
{
	static const char *const words[] = {"idt", "lstar", "calls"};
	const char *before = "";

	for (unsigned i = 0; i < 3; i++) {
		if (!(witnesses >> i & 1))
			continue;
		text_add(t, "%s%s", before, words[i]);
		before = ",";
	}
}
