// SPDX-License-Identifier: MIT
/* The grammar of watches: watch.h. */
#include "watch/watch.h"
#include "hw/msr.h"
#include "hw/x86.h"
#include "lib/array.h"
#include "lib/string.h"
#include "trace/tokens.h"

struct bit_name {
	const char *name;
	uint64_t mask;
};

#define X(reg, constant, bit, name, meaning) {name, 1ull << (bit)},
static const struct bit_name bits_CR0_BITS[] = {CR0_BITS(X){0}};
static const struct bit_name bits_CR4_BITS[] = {CR4_BITS(X){0}};
static const struct bit_name bits_EFER_BITS[] = {EFER_BITS(X){0}};
static const struct bit_name bits_DR7_BITS[] = {DR7_BITS(X){0}};
static const struct bit_name bits_NO_BITS[] = {{0}};
#undef X

#define X(enumerator, number, word, accesses, bits, meaning) {word, enumerator, accesses, bits_##bits},
static const struct register_row {
	const char *name;
	uint8_t number;
	uint8_t accesses;
	const struct bit_name *bits;
} registers[] = {WATCH_REGISTERS(X)};
#undef X

#define X(name, word, meaning) word,
static const char *const actions[] = {WATCH_ACTIONS(X)};
#undef X

const char *watch_action_word(enum watch_action action)
{
	return action < WATCH_ACTION_COUNT ? actions[action] : "break";
}

const char *watch_access_letters(unsigned access)
{
	static const char *const letters[] = {"-", "r", "w", "rw", "x", "rx", "wx", "rwx"};

	return letters[access & 7];
}

static char lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* Whether the n characters are this name, in letters of any case. */
static bool is_name(const char *name, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!name[i] || lower(name[i]) != lower(text[i]))
			return false;
	return !name[n];
}

static bool parse_access(uint8_t *access, const char *word)
{
	unsigned bits = 0;

	for (; *word; word++) {
		switch (*word) {
#define X(letter, name, bit, meaning)                                                                        \
	case letter:                                                                                         \
		bits |= name;                                                                                \
		break;
			WATCH_ACCESSES(X)
#undef X
		default:
			return false;
		}
	}
	*access = (uint8_t)bits;
	return bits;
}

static const struct register_row *row_of(unsigned number)
{
	for (unsigned i = 0; i < ARRAY_SIZE(registers); i++)
		if (registers[i].number == number)
			return &registers[i];
	return NULL;
}

/* Names of bits, or a mask. */
static bool parse_bits(uint64_t *mask, const struct bit_name *names, char *text)
{
	*mask = 0;
	if (token_number(text, mask))
		return *mask;
	for (size_t n; *text; text += n + (text[n] == ',')) {
		const struct bit_name *b = names;

		n = 0;
		while (text[n] && text[n] != ',')
			n++;
		while (b->name && !is_name(b->name, text, n))
			b++;
		if (!b->name)
			return false;
		*mask |= b->mask;
	}
	return *mask;
}

/* Cuts the text at its first dot. Returns what follows, NULL: there is none. */
static char *cut_at_dot(char *text)
{
	while (*text && *text != '.')
		text++;
	if (!*text)
		return NULL;
	*text = '\0';
	return text + 1;
}

static const char *parse_register(struct watch_spec *s, char *word)
{
	char *bits = cut_at_dot(word);
	const struct register_row *row = NULL;

	for (unsigned i = 0; i < ARRAY_SIZE(registers); i++)
		if (registers[i].number != WATCH_MSR && is_name(registers[i].name, word, strlen(word)))
			row = &registers[i];
	if (!row && !msr_number(word, &s->msr))
		return "no such register: cr0 cr3 cr4 efer dr7 xcr0 gdtr idtr ldtr tr, or the name of an MSR";
	if (!row)
		row = row_of(WATCH_MSR);
	s->reg = row->number;
	if (bits && !parse_bits(&s->mask, row->bits, bits))
		return "no such bits: their names as in the manuals, separated by commas, or a number that "
		       "is a mask";
	return NULL;
}

static const char *parse_msr(struct watch_spec *s, const char *word)
{
	uint64_t number;

	s->reg = WATCH_MSR;
	if (!token_number(word, &number))
		return msr_number(word, &s->msr) ? NULL
						 : "no such MSR: a number, or a name as in the manuals";
	if (number > UINT32_MAX)
		return "the number of an MSR has 32 bits";
	s->msr = (uint32_t)number;
	return NULL;
}

/* A+N, A/N, A-B or A. */
static bool parse_range(char *word, uint64_t *first, uint64_t *last)
{
	char *end = word, sign;
	uint64_t n;

	while (*end && *end != '+' && *end != '-' && *end != '/')
		end++;
	sign = *end;
	*end = '\0';
	if (!token_number(word, first))
		return false;
	*last = *first;
	if (!sign)
		return true;
	if (!token_number(end + 1, &n))
		return false;
	*last = sign == '-' ? n : *first + (n - 1);
	return (sign == '-' || n) && *last >= *first;
}

bool watch_parse_ranges(struct watch_range *ranges, uint32_t *n, char *list)
{
	for (char *next = list; next; list = next) {
		struct watch_range r;

		while (*next && *next != ',')
			next++;
		next = *next ? next : NULL;
		if (next)
			*next++ = '\0';
		if (*n == WATCH_EXCEPT_MAX || !parse_range(list, &r.first, &r.last))
			return false;
		ranges[(*n)++] = r;
	}
	return true;
}

static bool parse_value(const char *word, const char *key, uint64_t *value)
{
	size_t n = strlen(key);

	return !strncmp(word, key, n) && token_number(word + n, value);
}

/* A word behind what is watched. */
static bool parse_option(struct watch_spec *s, char *word)
{
	static const char except[] = "except=";
	uint64_t value;

	for (unsigned i = 0; i < ARRAY_SIZE(actions); i++)
		if (!strcmp(actions[i], word)) {
			s->action = (uint8_t)i;
			return true;
		}
	if (parse_value(word, "rate=", &value) && value <= WATCH_RATE_MAX) {
		s->rate = (uint32_t)value;
		return true;
	}
	if (s->space != WATCH_EXEC && !strncmp(word, except, sizeof(except) - 1))
		return watch_parse_ranges(s->except, &s->excepts, word + sizeof(except) - 1);
	if (s->space != WATCH_LINEAR)
		return false;
	s->follow |= !strcmp(word, "follow");
	return !strcmp(word, "follow") || parse_value(word, "cr3=", &s->cr3);
}

/* The register or the range, from word *i on. */
static const char *parse_place(struct watch_spec *s, struct tokens *w, unsigned *i)
{
	char *word = w->at[*i];
	bool is_reg = !strcmp(word, "reg"), is_msr = !strcmp(word, "msr");

	if (is_reg || is_msr)
		s->space = WATCH_REGISTER;
	else if (!strcmp(word, "linear"))
		s->space = WATCH_LINEAR;
	if (s->space != WATCH_PHYSICAL || !strcmp(word, "physical"))
		if (++*i == w->count)
			return "what to watch is missing: a range such as 0x1000+8, or reg NAME, or msr "
			       "NUMBER";
	word = w->at[*i];
	if (s->space == WATCH_REGISTER)
		return is_reg ? parse_register(s, word) : parse_msr(s, word);
	return parse_range(word, &s->first, &s->last)
		       ? NULL
		       : "not a range of bytes: ADDRESS+BYTES, ADDRESS/BYTES or FIRST-LAST, in numbers, "
			 "or reg NAME, or msr NUMBER";
}

static const char *check(const struct watch_spec *s)
{
	if (s->space != WATCH_REGISTER)
		return NULL;
	if (s->access & ~row_of(s->reg)->accesses)
		return s->access & WATCH_EXECUTE ? "a register is not executed: r or w"
						 : "reads of this register cannot be watched: w only";
	if (s->mask && s->access != WATCH_WRITE)
		return "bits are for writes only";
	return NULL;
}

/* What parse_option() accepts. */
static const char *options_of(enum watch_space space)
{
#define OPTIONS "log, once, stop, deny, rate=N (1000000 at most)"
#define EXCEPT  ", or except= and 4 ranges of code at most"
	if (space == WATCH_EXEC)
		return OPTIONS "; no except=: the ranges of code are behind outside=";
	return space == WATCH_LINEAR ? OPTIONS ", cr3=N, follow" EXCEPT : OPTIONS EXCEPT;
#undef OPTIONS
#undef EXCEPT
}

/* The words from number i on. */
static const char *parse_options(struct watch_spec *s, const struct tokens *w, unsigned i, const char **bad)
{
	for (; i < w->count; i++) {
		*bad = w->at[i];
		if (!parse_option(s, w->at[i]))
			return options_of(s->space);
	}
	*bad = "";
	return check(s);
}

static const char *parse_exec(struct watch_spec *s, struct tokens *w, const char **bad)
{
	static const char form[] = "exec supervisor outside=RANGES, up to four FIRST-LAST with commas";
	static const char key[] = "outside=";

	s->space = WATCH_EXEC;
	s->access = WATCH_EXECUTE;
	if (w->count < 3)
		return form;
	*bad = w->at[1];
	if (strcmp(w->at[1], "supervisor"))
		return form;
	*bad = w->at[2];
	if (strncmp(w->at[2], key, sizeof(key) - 1) ||
		!watch_parse_ranges(s->except, &s->excepts, w->at[2] + sizeof(key) - 1))
		return form;
	return parse_options(s, w, 3, bad);
}

static const char *parse(struct watch_spec *s, struct tokens *w, const char **bad)
{
	unsigned i = 0;
	const char *why;

	*bad = "";
	if (!w->count)
		return "what to watch is missing: a range such as 0x1000+8, or reg NAME, or msr NUMBER";
	if (w->too_many)
		return "too many words";
	if (!strcmp(w->at[0], "exec"))
		return parse_exec(s, w, bad);
	if (parse_access(&s->access, w->at[0]))
		i++;
	else
		s->access = WATCH_WRITE;
	if (i == w->count)
		return "what to watch is missing: a range such as 0x1000+8, or reg NAME, or msr NUMBER";
	why = parse_place(s, w, &i);
	if (i < w->count)
		*bad = w->at[i];
	if (why)
		return why;
	return parse_options(s, w, i + 1, bad);
}

const char *watch_parse(struct watch_spec *spec, char *text, const char **bad)
{
	struct watch_spec s = {.space = WATCH_PHYSICAL};
	struct tokens w;
	const char *why;

	tokens_split(&w, text, NULL);
	why = parse(&s, &w, bad);
	if (!why)
		*spec = s;
	return why;
}

static void format_bits(struct text *t, const struct bit_name *names, uint64_t mask)
{
	uint64_t named = 0;
	char join = '.';

	for (const struct bit_name *b = names; b->name; b++)
		named |= b->mask;
	if (mask & ~named) {
		text_add(t, ".0x%lx", mask);
		return;
	}
	for (const struct bit_name *b = names; b->name; b++)
		if (mask & b->mask) {
			text_add(t, "%c%s", join, b->name);
			join = ',';
		}
}

/* Whether the name leads back to this number: some stand for several. */
static bool is_named(uint32_t msr)
{
	uint32_t found;
	const char *name = msr_name(msr);

	return name && msr_number(name, &found) && found == msr;
}

void watch_format_register(struct text *t, const struct watch_spec *spec)
{
	const struct register_row *row = row_of(spec->reg);

	if (spec->reg != WATCH_MSR)
		text_add(t, "reg %s", row->name);
	else if (spec->mask || is_named(spec->msr))
		text_add(t, "reg %s", msr_name(spec->msr));
	else
		text_add(t, "msr 0x%x", spec->msr);
	if (spec->mask)
		format_bits(t, row->bits, spec->mask);
}

static void format_range(struct text *t, uint64_t first, uint64_t last)
{
	uint64_t bytes = last - first + 1;

	if (bytes && bytes <= 4096)
		text_add(t, "0x%lx+%lu", first, bytes);
	else
		text_add(t, "0x%lx-0x%lx", first, last);
}

static void format_ranges(struct text *t, const char *key, const struct watch_spec *s)
{
	for (uint32_t i = 0; i < s->excepts; i++) {
		text_add_string(t, i ? "," : key);
		format_range(t, s->except[i].first, s->except[i].last);
	}
}

void watch_format(struct text *t, const struct watch_spec *spec)
{
	if (spec->space != WATCH_EXEC)
		text_add(t, "%s ", watch_access_letters(spec->access));
	if (spec->space == WATCH_EXEC) {
		format_ranges(t, "exec supervisor outside=", spec);
	} else if (spec->space == WATCH_REGISTER) {
		watch_format_register(t, spec);
	} else {
		text_add(t, "%s ", spec->space == WATCH_LINEAR ? "linear" : "physical");
		format_range(t, spec->first, spec->last);
	}
	if (spec->action != WATCH_LOG)
		text_add(t, " %s", watch_action_word(spec->action));
	if (spec->rate)
		text_add(t, " rate=%u", spec->rate);
	if (spec->cr3)
		text_add(t, " cr3=0x%lx", spec->cr3);
	if (spec->space != WATCH_EXEC)
		format_ranges(t, " except=", spec);
	if (spec->follow)
		text_add_string(t, " follow");
}
