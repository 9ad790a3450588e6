// SPDX-License-Identifier: MIT
/* Parses trapline.conf and the load options. Pure: no firmware call, no allocation, no writable global. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <boot/config.h>
#include "edits.h"
#include "hw/mitigations.h"
#include "lib/array.h"
#include "trace/vector.h"

#define MESSAGE_MAX 256
#define SHOWN_MAX   40 /* how much of a bad value a message repeats */

/* Part of the text that is parsed. Not NUL-terminated. */
struct span {
	const char *at;
	size_t len;
};

enum kind {
	KIND_PATH,
	KIND_TEXT,
	KIND_BOOL,
	KIND_NUMBER,
	KIND_PLACE,
	KIND_AUTO,
	KIND_VECTORS,
	KIND_PRINTED,
	KIND_MITIGATIONS,
	KIND_CHOICE,
	KIND_LIST,
	KIND_LINES,
};

struct key {
	const char *name;
	enum kind kind;
	size_t offset;
	size_t size;
	const char *dflt;
};

#define X(key, kind, member, dflt, help)                                                                     \
	{#key, KIND_##kind, offsetof(struct trapline_config, member),                                        \
		sizeof(((struct trapline_config *)0)->member), dflt},
static const struct key keys[] = {CONFIG_KEYS(X)};
#undef X

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool span_is(struct span s, const char *word)
{
	return s.len == strlen(word) && !memcmp(s.at, word, s.len);
}

static struct span span_trim(struct span s)
{
	while (s.len && is_space(s.at[0]))
		s.at++, s.len--;
	while (s.len && is_space(s.at[s.len - 1]))
		s.len--;
	return s;
}

/* The index of `c` in the span, or the span's length if it is not there. */
static size_t span_find(struct span s, char c)
{
	size_t i = 0;

	while (i < s.len && s.at[i] != c)
		i++;
	return i;
}

/* Takes the text before the first `stop` from *rest, and drops the stop. Takes everything if there is no stop. */
static struct span span_take(struct span *rest, char stop)
{
	struct span taken = {rest->at, span_find(*rest, stop)};
	size_t used = taken.len + (taken.len < rest->len);
	rest->at += used;
	rest->len -= used;
	return taken;
}

static bool span_printable(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((s.at[i] < ' ' || s.at[i] > '~') && s.at[i] != '\t')
			return false;
	return true;
}

/* What a parser needs to report an error: the receiver and the line number. */
struct parse {
	struct trapline_config *config;
	config_report report;
	void *ctx;
	unsigned line;
};

/* A value as a message shows it: printable, and cut to SHOWN_MAX. */
struct shown {
	char text[SHOWN_MAX + 4];
};

static struct shown show(struct span s)
{
	struct shown out;
	size_t n = s.len < SHOWN_MAX ? s.len : SHOWN_MAX;

	for (size_t i = 0; i < n; i++)
		out.text[i] = s.at[i] < ' ' || s.at[i] > '~' ? '?' : s.at[i];
	memcpy(out.text + n, s.len > n ? "..." : "", s.len > n ? 4 : 1);
	return out;
}

static void report(const struct parse *p, const char *message)
{
	if (p->report)
		p->report(p->ctx, p->line, message);
}

static void report_ignored(const struct parse *p, const char *what, struct span s)
{
	char message[MESSAGE_MAX];

	snprintf(message, sizeof(message), "%s '%s'; ignored", what, show(s).text);
	report(p, message);
}

/* Reports a bad value. The key keeps its value: the default, or that of an earlier line. */
static void report_value(const struct parse *p, const struct key *k, struct span value, const char *why)
{
	struct trapline_config dflt;
	char message[MESSAGE_MAX];

	config_defaults(&dflt);
	bool is_default = !memcmp((char *)p->config + k->offset, (char *)&dflt + k->offset, k->size);
	snprintf(message, sizeof(message), "%s = '%s': %s; %s%s%s", k->name, show(value).text, why,
		is_default ? "the default '" : "the earlier value stays", is_default ? k->dflt : "",
		is_default ? "' is used" : "");
	report(p, message);
}

/* Each parser of one kind returns NULL, or why the value is wrong; *out is then unchanged. */
static const char *parse_string(char *out, size_t size, struct span v)
{
	if (!span_printable(v))
		return "has characters that are not printable ASCII";
	if (v.len >= size)
		return "is too long";
	memset(out, 0, size);
	memcpy(out, v.at, v.len);
	return NULL;
}

static const char *parse_list(char *out, size_t size, char join, struct span v)
{
	size_t n = strlen(out), comma = n != 0;

	if (!span_printable(v))
		return "has characters that are not printable ASCII";
	if (n + comma + v.len >= size)
		return "is too long together with the earlier values";
	if (!v.len)
		return NULL;
	out[n] = join;
	memcpy(out + n + comma, v.at, v.len);
	return NULL;
}

static const char *parse_bool(uint32_t *out, struct span v)
{
	if (!span_is(v, "on") && !span_is(v, "off"))
		return "is neither on nor off";
	*out = span_is(v, "on");
	return NULL;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

static bool span_number(struct span v, uint32_t *out)
{
	bool hex = v.len > 2 && v.at[0] == '0' && lower(v.at[1]) == 'x';
	int base = hex ? 16 : 10;
	uint64_t n = 0;

	for (size_t i = hex ? 2 : 0; i < v.len; i++) {
		if (digit(v.at[i]) >= base)
			return false;
		n = n * (uint64_t)base + (uint64_t)digit(v.at[i]);
		if (n > UINT32_MAX)
			n = UINT32_MAX; /* beyond every key's limits */
	}
	*out = (uint32_t)n;
	return v.len > 0;
}

/* NULL, or the rule of config.def that `value` breaks. */
static const char *number_rule(const struct key *k, uint32_t value)
{
#define X(key, min, max)                                                                                     \
	if (!strcmp(k->name, #key) && (value < (min) || value > (max)))                                      \
		return "must be from " #min " to " #max;
	CONFIG_LIMITS(X)
#undef X
#define X(key, holds, text)                                                                                  \
	if (!strcmp(k->name, #key) && !(holds))                                                              \
		return text;
	CONFIG_RULES(X)
#undef X
	return NULL;
}

static const char *parse_number(const struct key *k, uint32_t *out, struct span v)
{
	uint32_t value;

	if (!span_number(v, &value))
		return "is not a number";
	const char *why = number_rule(k, value);
	if (!why)
		*out = value;
	return why;
}

/* The word stands for 0. */
static const char *parse_word_or_number(const struct key *k, const char *word, uint32_t *out, struct span v)
{
	if (!span_is(v, word))
		return parse_number(k, out, v);
	*out = 0;
	return NULL;
}

/* The bit of the vector with this name, with or without '#', in either case; 0: no vector has it. */
static uint32_t vector_bit(struct span word)
{
#define X(number, enumerator, mnemonic, name, has_error, class) mnemonic,
	static const char *const names[VECTOR_COUNT] = {VECTORS(X)};
#undef X
	if (word.len && word.at[0] == '#')
		word.at++, word.len--;
	for (unsigned i = 0; i < VECTOR_COUNT; i++) {
		const char *name = names[i] + (names[i][0] == '#');
		size_t n = 0;
		while (n < word.len && name[n] && lower(word.at[n]) == lower(name[n]))
			n++;
		if (n == word.len && !name[n])
			return 1u << i;
	}
	uint32_t number;
	return span_number(word, &number) && number < VECTOR_COUNT ? 1u << number : 0;
}

static bool vector_word(struct span word, uint32_t *mask)
{
	if (span_is(word, "all"))
		*mask = UINT32_MAX;
	else if (span_is(word, "none"))
		*mask = 0;
	else
		return (*mask = vector_bit(word)) != 0;
	return true;
}

/* Takes the next word. It is empty between two adjacent separators. */
static struct span take_item(struct span *rest)
{
	struct span word = {rest->at, 0};

	while (word.len < rest->len && !is_space(rest->at[word.len]) && rest->at[word.len] != ',')
		word.len++;
	size_t used = word.len + (word.len < rest->len);
	rest->at += used;
	rest->len -= used;
	return word;
}

/*
 * If the first word has no sign, the list starts empty, otherwise with the value in force. A word with a sign
 * adds or removes.
 */
static const char *parse_vectors(uint32_t *out, struct span v)
{
	uint32_t mask = *out;
	bool first = true;

	while (v.len) {
		struct span word = take_item(&v);
		uint32_t bits;
		if (!word.len)
			continue;
		bool plus = word.at[0] == '+', minus = word.at[0] == '-';
		if (plus || minus)
			word.at++, word.len--;
		if (!vector_word(word, &bits))
			return "is not made of all, none, exception names and numbers from 0 to 31";
		if (first && !plus && !minus)
			mask = 0;
		mask = minus ? mask & ~bits : mask | bits;
		first = false;
	}
	if (first)
		return "is empty; write none";
	*out = mask;
	return NULL;
}

/* `important` stands for all vectors; words with '-' after it remove some. */
static const char *parse_printed(struct config_printed *out, struct span v)
{
	struct config_printed printed = {.vectors = UINT32_MAX, .important = true};
	struct span rest = v, first = take_item(&rest);
	const char *why = NULL;

	if (!span_is(first, "important")) {
		printed = (struct config_printed){.vectors = out->vectors};
		rest = v;
	}
	if (rest.len || !printed.important)
		why = parse_vectors(&printed.vectors, rest);
	if (!why)
		*out = printed;
	return why;
}

static uint32_t mitigation_bit(struct span word)
{
#define X(bit, enumerator, text, meaning)                                                                    \
	if (span_is(word, text))                                                                             \
		return enumerator;
	MITIGATIONS(X)
#undef X
	return 0;
}

static const char *parse_mitigations(uint32_t *out, struct span v)
{
	uint32_t bits = 0;

	if (span_is(v, "auto") || span_is(v, "off")) {
		*out = span_is(v, "auto") ? MITIGATIONS_AUTO : 0;
		return NULL;
	}
	while (v.len) {
		struct span word = take_item(&v);
		uint32_t bit = mitigation_bit(word);

		if (word.len && !bit)
			return "is neither auto nor off, nor made of the names in docs/limits.md";
		bits |= bit;
	}
	if (!bits)
		return "is empty; write off";
	*out = bits;
	return NULL;
}

#define X(key, word, value, enumerator) {#key, #word, value},
static const struct choice {
	const char *key;
	const char *word;
	uint32_t value;
} choices[] = {CONFIG_CHOICES(X)};
#undef X

/* If no word fits, `why` gets the list of valid words. */
static const char *parse_choice(const struct key *k, uint32_t *out, struct span v, char *why, size_t size)
{
	size_t n = (size_t)snprintf(why, size, "is none of");

	for (size_t i = 0; i < ARRAY_SIZE(choices); i++) {
		if (strcmp(choices[i].key, k->name))
			continue;
		if (span_is(v, choices[i].word)) {
			*out = choices[i].value;
			return NULL;
		}
		if (n < size)
			n += (size_t)snprintf(why + n, size - n, " %s", choices[i].word);
	}
	return why;
}

/* Returns NULL, or why the value is wrong; that text may be in `buf`. */
static const char *parse_value(const struct key *k, void *member, struct span v, char *buf, size_t size)
{
	switch (k->kind) {
	case KIND_PATH:
	case KIND_TEXT:
		return parse_string(member, k->size, v);
	case KIND_LIST:
		return parse_list(member, k->size, ',', v);
	case KIND_LINES:
		return parse_list(member, k->size, ';', v);
	case KIND_BOOL:
		return parse_bool(member, v);
	case KIND_NUMBER:
		return parse_number(k, member, v);
	case KIND_PLACE:
		return parse_word_or_number(k, "off", member, v);
	case KIND_AUTO:
		return parse_word_or_number(k, "auto", member, v);
	case KIND_VECTORS:
		return parse_vectors(member, v);
	case KIND_PRINTED:
		return parse_printed(member, v);
	case KIND_MITIGATIONS:
		return parse_mitigations(member, v);
	case KIND_CHOICE:
		return parse_choice(k, member, v, buf, size);
	}
	return "has a key of an unknown kind";
}

/* Keys that have a new name. */
#define X(old, key) {#old, #key},
static const char *const renamed[][2] = {CONFIG_RENAMED(X)};
#undef X

static bool names_key(struct span name, const struct key *k)
{
	if (span_is(name, k->name))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(renamed); i++)
		if (span_is(name, renamed[i][0]) && !strcmp(renamed[i][1], k->name))
			return true;
	return false;
}

/* The key that was probably meant; NULL: none is near. */
static const struct key *nearest_key(struct span name)
{
	const struct key *nearest = NULL;
	unsigned fewest = edits_allowed(name.len) + 1;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		unsigned n = edits(name.at, name.len, keys[i].name, strlen(keys[i].name));
		if (n < fewest) {
			fewest = n;
			nearest = &keys[i];
		}
	}
	return nearest;
}

static void report_unknown(const struct parse *p, struct span name)
{
	const struct key *k = nearest_key(name);
	char message[MESSAGE_MAX];

	snprintf(message, sizeof(message), "unknown key '%s'%s%s%s; ignored", show(name).text,
		k ? ", did you mean '" : "", k ? k->name : "", k ? "'?" : "");
	report(p, message);
}

static void set(const struct parse *p, struct span name, struct span value)
{
	char buf[MESSAGE_MAX / 2];

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!names_key(name, &keys[i]))
			continue;
		const char *why =
			parse_value(&keys[i], (char *)p->config + keys[i].offset, value, buf, sizeof(buf));
		if (why)
			report_value(p, &keys[i], value, why);
		return;
	}
	report_unknown(p, name);
}

void config_defaults(struct trapline_config *c)
{
	char buf[MESSAGE_MAX / 2];

	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct span dflt = {keys[i].dflt, strlen(keys[i].dflt)};
		parse_value(&keys[i], (char *)c + keys[i].offset, dflt, buf, sizeof(buf));
	}
}

/*
 * Removes the quotes around a value. Quotes inside stay, because `options` may need them. Returns false if a
 * quote is not closed.
 */
static bool unquote(struct span *v)
{
	if (!v->len || v->at[0] != '"')
		return true;
	struct span inside = {v->at + 1, v->len - 1};
	size_t second = span_find(inside, '"');
	bool closed = second < inside.len;
	if (closed && second == inside.len - 1)
		*v = (struct span){inside.at, second};
	return closed;
}

static void parse_line(const struct parse *p, struct span line)
{
	struct span rest = span_trim(line);

	if (!rest.len || rest.at[0] == '#')
		return;
	if (span_find(rest, '=') == rest.len) {
		report_ignored(p, "no 'key = value' line:", rest);
		return;
	}
	struct span name = span_trim(span_take(&rest, '='));
	struct span value = span_trim(rest);
	if (unquote(&value))
		set(p, name, value);
	else
		report_ignored(p, "quote not closed:", value);
}

void config_parse_file(struct trapline_config *c, const char *text, size_t len, config_report rep, void *ctx)
{
	struct parse p = {c, rep, ctx, 1};
	struct span rest = {text, len};

	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		rest.at += 3, rest.len -= 3;
	if (len >= 2 && (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2))) {
		report(&p, "the file is UTF-16; save it as plain text; all of it is ignored");
		return;
	}
	for (; rest.len; p.line++)
		parse_line(&p, span_take(&rest, '\n'));
}

/*
 * Copies the next word of the load options without its quotes: a"b c"d is one word. Returns false if a quote is
 * not closed.
 */
static bool take_word(const char **text, char *word, size_t size, size_t *len)
{
	bool quoted = false;
	size_t n = 0;

	for (; **text && (quoted || !is_space(**text)); ++*text) {
		if (**text == '"')
			quoted = !quoted;
		else if (n < size)
			word[n++] = **text;
	}
	*len = n;
	return !quoted;
}

void config_parse_options(struct trapline_config *c, const char *text, config_report rep, void *ctx)
{
	struct parse p = {c, rep, ctx, 0};
	char word[CONFIG_TEXT_MAX +
		  64]; /* longer than any value, so that a value that is too long is seen as such */

	for (bool first = true;; first = false) {
		struct span rest = {word, 0};
		while (is_space(*text) || *text == '\n')
			text++;
		if (!*text)
			return;
		bool closed = take_word(&text, word, sizeof(word), &rest.len);
		bool pair = span_find(rest, '=') < rest.len;
		if (!closed)
			report_ignored(&p, "quote not closed:", rest);
		else if (!pair && !first)
			report_ignored(&p, "no key=value:", rest);
		else if (pair) {
			struct span name = span_take(&rest, '=');
			set(&p, name, rest);
		}
	}
}
