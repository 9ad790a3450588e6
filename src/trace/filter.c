// SPDX-License-Identifier: MIT
#include "trace/filter.h"
#include "lib/array.h"
#include "lib/string.h"
#include "trace/important.h"
#include "trace/process.h"
#include "trace/vector.h"
#include "trace/tokens.h"

#define CR3_SPACE                                                                                            \
	0x000ffffffffff000ull /* without PCID, PWT, PCD, and LAM in bits 61 and 62: SDM vol. 3A 4.5.2 */

void filter_init(struct filter *f, uint32_t vectors)
{
	*f = (struct filter){.vectors = vectors};
}

static bool set_span(struct filter_span *s, const char *value, bool except, uint64_t most)
{
	*s = (struct filter_span){.on = true, .except = except};
	return token_range(value, &s->low, &s->high) && s->high <= most;
}

/* One function for each key. It returns false if the value is invalid. A `value` of NULL lifts the condition. */
static bool set_vec(struct filter *f, const char *value, bool except)
{
	uint32_t bits = f->vectors;

	if (!value)
		bits = UINT32_MAX;
	else if (!token_vectors(value, &bits))
		return false;
	f->vectors = except ? ~bits : bits;
	return true;
}

#define SPAN(key, most)                                                                                      \
	static bool set_##key(struct filter *f, const char *value, bool except)                              \
	{                                                                                                    \
		f->key.on = false;                                                                           \
		return !value || set_span(&f->key, value, except, most);                                     \
	}
SPAN(cpl, 3)
SPAN(cpu, FILTER_CPU_LAST)
SPAN(rip, UINT64_MAX)
SPAN(cr2, UINT64_MAX)
SPAN(cr3, UINT64_MAX)
SPAN(as, UINT64_MAX)
SPAN(watch, UINT16_MAX)
#undef SPAN

static bool set_err(struct filter *f, const char *value, bool except)
{
	uint64_t bits = 0;

	if (value && (!token_number(value, &bits) || bits > UINT32_MAX))
		return false;
	if (!value)
		f->error_set = f->error_clear = 0;
	else if (except)
		f->error_clear = (uint32_t)bits;
	else
		f->error_set = (uint32_t)bits;
	return !(f->error_set & f->error_clear);
}

static bool set_rate(struct filter *f, const char *value, bool except)
{
	uint64_t rate = 0;

	if (except || (value && (!token_number(value, &rate) || rate > 1000000)))
		return false;
	f->rate = (uint32_t)rate;
	return true;
}

static const struct key {
	const char *name;
	bool (*set)(struct filter *f, const char *value, bool except);
} keys[] = {
#define X(key, values, meaning) {#key, set_##key},
	FILTER_KEYS(X)
#undef X
};

static const char *apply(struct filter *f, const char *word)
{
	size_t n = 0;
	bool except;

	if (!strcmp(word, "all")) {
		filter_init(f, f->vectors);
		return NULL;
	}
	if (!strcmp(word, "important")) {
		f->important = true;
		return NULL;
	}
	while (word[n] && word[n] != '=' && word[n] != '!')
		n++;
	except = word[n] == '!';
	if (word[n + except] != '=')
		return "is not key=value, key!=value, important or all";
	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *value = word + n + except + 1;

		if (strncmp(word, keys[i].name, n) || keys[i].name[n])
			continue;
		if (!strcmp(value, "any"))
			value = NULL;
		return keys[i].set(f, value, except) ? NULL : "has a value that its key does not take";
	}
	return "has an unknown key";
}

const char *filter_parse(struct filter *f, char *text, const char **bad)
{
	struct filter changed = *f;
	struct tokens w;

	tokens_split(&w, text, NULL);
	for (unsigned i = 0; i < w.count; i++) {
		const char *why = apply(&changed, w.at[i]);

		*bad = w.at[i];
		if (why)
			return why;
	}
	*bad = "";
	if (w.too_many)
		return "has too many words";
	*f = changed;
	return NULL;
}

static bool outside(const struct filter_span *s, uint64_t value)
{
	return s->on && (value >= s->low && value <= s->high) == s->except;
}

/* An exception without an address fails both cr2= and cr2!=. */
static bool wrong_cr2(const struct filter *f, const struct trap_record *r)
{
	return f->cr2.on && (!(r->flags & TRAP_HAS_CR2) || outside(&f->cr2, r->cr2));
}

static bool wrong_space(const struct filter *f, const struct trap_record *r)
{
	uint64_t space;

	if (!f->as.on)
		return false;
	space = process_space(r);
	return !space || outside(&f->as, space);
}

static bool wrong_error(const struct filter *f, const struct trap_record *r)
{
	if (!(f->error_set | f->error_clear))
		return false;
	return !(r->flags & TRAP_HAS_ERROR) || (r->error_code & f->error_set) != f->error_set ||
	       (r->error_code & f->error_clear);
}

/* A hit has a watch and no vector, an exception has a vector and no watch. */
static bool wrong_kind(const struct filter *f, const struct trap_record *r)
{
	if (r->type == TRAP_TYPE_WATCH)
		return f->watch.on ? outside(&f->watch, r->watch_id)
				   : f->vectors != UINT32_MAX || f->important;
	return f->watch.on || !(f->vectors >> (r->vector & 31) & 1) ||
	       (f->important && !trap_is_important(r));
}

/* A mark always matches: it is a line of the guest and not an exception. */
bool filter_match(const struct filter *f, const struct trap_record *r)
{
	uint64_t mask = f->cr3.on && !(f->cr3.low & ~CR3_SPACE) ? CR3_SPACE : ~0ull;

	if (r->type == TRAP_TYPE_MARK)
		return true;
	return !wrong_kind(f, r) && !outside(&f->cpl, r->cpl) && !outside(&f->cpu, r->cpu) &&
	       !outside(&f->rip, r->rip) && !outside(&f->cr3, r->cr3 & mask) && !wrong_cr2(f, r) &&
	       !wrong_space(f, r) && !wrong_error(f, r);
}

static unsigned count(uint32_t bits)
{
	unsigned n = 0;

	for (; bits; bits &= bits - 1)
		n++;
	return n;
}

static void add_vectors(struct text *t, uint32_t vectors)
{
	const char *before;
	bool most = count(vectors) > VECTOR_COUNT / 2;
	uint32_t named = most ? ~vectors : vectors;

	text_add(t, "vec=%s", most ? "all" : vectors ? "" : "none");
	before = most ? ",-" : "";
	for (unsigned v = 0; v < VECTOR_COUNT; v++) {
		const char *name = vector_table[v].mnemonic;

		if (!(named >> v & 1))
			continue;
		text_add(t, "%s%s", before, name + (name[0] == '#'));
		before = most ? ",-" : ",";
	}
}

static void add_span(struct text *t, const char *key, const struct filter_span *s, bool hex)
{
	if (!s->on)
		return;
	text_add(t, hex ? " %s%s0x%llx" : " %s%s%llu", key, s->except ? "!=" : "=",
		(unsigned long long)s->low);
	if (s->high != s->low)
		text_add(t, hex ? "-0x%llx" : "-%llu", (unsigned long long)s->high);
}

void filter_format(struct text *t, const struct filter *f)
{
	add_vectors(t, f->vectors);
	if (f->important)
		text_add(t, " important");
	add_span(t, "cpl", &f->cpl, false);
	add_span(t, "cpu", &f->cpu, false);
	add_span(t, "rip", &f->rip, true);
	add_span(t, "cr2", &f->cr2, true);
	add_span(t, "cr3", &f->cr3, true);
	add_span(t, "as", &f->as, true);
	add_span(t, "watch", &f->watch, false);
	if (f->error_set)
		text_add(t, " err=0x%x", f->error_set);
	if (f->error_clear)
		text_add(t, " err!=0x%x", f->error_clear);
	if (f->rate)
		text_add(t, " rate=%u", f->rate);
}

/* Each line uses up its share of a second. Unused time is returned, up to one burst. */
bool filter_allow(struct filter_rate *r, uint32_t rate, uint32_t lines, uint64_t now, uint64_t per_second)
{
	int64_t share, burst;

	if (!rate || !per_second)
		return true;
	share = (int64_t)(per_second / rate);
	burst = share * lines;
	/* A clock that was set back begins anew. */
	if (!r->begun || r->spent + burst < (int64_t)now || r->spent > (int64_t)now + share)
		r->spent = (int64_t)now - burst;
	r->begun = true;
	if (r->spent + share > (int64_t)now)
		return false;
	r->spent += share;
	return true;
}

uint64_t filter_next(const struct filter_rate *r, uint32_t rate, uint64_t per_second)
{
	return (uint64_t)r->spent + per_second / rate;
}

bool filter_is_plain(const struct filter *f)
{
	return !(f->cpl.on || f->cpu.on || f->rip.on || f->cr2.on || f->cr3.on || f->as.on || f->watch.on ||
		 f->error_set || f->error_clear);
}
