#include "trace/slide.h"
#include "lib/string.h"

#define GATES_LEAST 4 /* fewer are no witness */
#define CALLS_LEAST 4
#define NEAR        (64ull << 20) /* a call leads into the same kernel */
#define OP_CALL     0xe8
#define OP_JMP      0xe9

/* How many of the entry points and calls fit a slide. */
struct score {
	unsigned gates, gates_there;
	unsigned calls, calls_there;
	bool lstar;
};

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
		if (to - address + NEAR >= 2 * NEAR || has_call(seen, to) || seen->calls == SLIDE_CALLS_MAX)
			continue;
		seen->call[seen->calls++] = (struct slide_call){address, to};
	}
}

/* A jump within a function is no witness: its target is a label, which has no name. */
static bool is_inside(const struct names_block *b, const struct names_map *m, uint64_t from, uint64_t to)
{
	struct name x, y;

	return names_map_find(b, m, from, &x) && names_map_find(b, m, to, &y) && x.text == y.text;
}

/* Unused gates of Linux still lead into one array of stubs, early_idt_handler_array: these gates are no witnesses. */
static bool is_stub(const struct names_block *b, const struct names_map *m, const struct slide_seen *seen,
	uint64_t slide, unsigned gate)
{
	for (unsigned i = 0; i < seen->gates; i++)
		if (i != gate && is_inside(b, m, seen->gate[gate] - slide, seen->gate[i] - slide))
			return true;
	return false;
}

static void score_gates(struct score *s, const struct names_block *b, const struct names_map *m,
	const struct slide_seen *seen, uint64_t slide)
{
	for (unsigned i = 0; i < seen->gates; i++) {
		bool starts = names_map_starts(b, m, seen->gate[i] - slide);

		s->gates += starts;
		s->gates_there += starts || !is_stub(b, m, seen, slide, i);
	}
}

static struct score score_of(
	const struct names_block *b, const struct names_map *m, const struct slide_seen *seen, uint64_t slide)
{
	struct score s = {.lstar = seen->lstar && names_map_starts(b, m, seen->lstar - slide)};

	score_gates(&s, b, m, seen, slide);
	if (!s.lstar && s.gates < GATES_LEAST)
		return s;
	for (unsigned i = 0; i < seen->calls; i++) {
		uint64_t from = seen->call[i].from - slide, to = seen->call[i].to - slide;

		if (is_inside(b, m, from, to))
			continue;
		s.calls_there++;
		s.calls += names_map_starts(b, m, to);
	}
	return s;
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

/* Tries each slide that makes this entry point the start of a function. Returns how many of them have enough witnesses. */
static unsigned try_from(const struct names_block *b, const struct names_map *m,
	const struct slide_seen *seen, uint64_t entry, uint64_t *slide, unsigned *witnesses)
{
	const uint32_t *offset = (const uint32_t *)((const char *)b + m->offsets);
	unsigned found = 0;

	for (uint32_t i = 0; i < m->count; i++) {
		uint64_t candidate = entry - m->base - offset[i];
		struct score s;
		unsigned w;

		if (candidate & (m->grain - 1) || !names_map_starts(b, m, entry - candidate))
			continue;
		s = score_of(b, m, seen, candidate);
		w = judge(seen, &s, candidate);
		if (!w)
			continue;
		*slide = candidate;
		*witnesses = w;
		found++;
	}
	return found;
}

enum slide_result slide_find(const struct names_block *b, const struct names_map *m,
	const struct slide_seen *seen, uint64_t *slide, unsigned *witnesses)
{
	unsigned found = 0, from = seen->gates < GATES_LEAST ? 0 : GATES_LEAST;

	if (!m->count || (!seen->lstar && !from))
		return SLIDE_OPEN;
	if (seen->lstar)
		found = try_from(b, m, seen, seen->lstar, slide, witnesses);
	for (unsigned i = 0; !seen->lstar && !found && i < from; i++)
		found = try_from(b, m, seen, seen->gate[i], slide, witnesses);
	if (found == 1)
		return SLIDE_FITS;
	/* While a kernel starts, it has other gates, and LSTAR is still 0. */
	return found || seen->lstar ? SLIDE_MISFITS : SLIDE_OPEN;
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
