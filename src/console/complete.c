// SPDX-License-Identifier: MIT
#include "console/complete.h"
#include <trapline/watch.h>
#include "console/address.h"
#include "console/command.h"
#include "lib/array.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "trace/filter.h"
#include "trace/vector.h"
#include "vmcall/share.h"

/* The state of a completion. */
struct search {
	struct completion *c;
	const char *typed; /* the typed part of the word, `length` characters */
	size_t length;
	size_t common; /* number of characters in c->rest */
	size_t end;    /* length of c->list */
};

/* Whether a word is already listed: a command's arguments may contain it twice. */
static bool is_listed(const struct search *s, const char *word, size_t n)
{
	for (const char *at = s->c->list; *at; at++)
		if (*at == ' ' && !strncmp(at + 1, word, n) && (at[1 + n] == ' ' || !at[1 + n]))
			return true;
	return false;
}

static void add_to_list(struct search *s, const char *word, size_t n)
{
	if (n + 2 > COMPLETE_LIST_MAX - s->end)
		return;
	s->c->list[s->end] = ' ';
	memcpy(s->c->list + s->end + 1, word, n);
	s->end += n + 1;
	s->c->list[s->end] = '\0';
}

/* Adds a candidate of n characters if it begins with what was typed. */
static void offer(struct search *s, const char *word, size_t n)
{
	const char *rest = word + s->length;
	size_t more = n - s->length, same = 0;

	if (n < s->length || more >= COMPLETE_WORD_MAX - 1 || strncmp(word, s->typed, s->length) ||
		is_listed(s, word, n))
		return;
	add_to_list(s, word, n);
	if (!s->c->count++) {
		memcpy(s->c->rest, rest, more);
		s->common = more;
		return;
	}
	while (same < s->common && same < more && s->c->rest[same] == rest[same])
		same++;
	s->common = same;
}

static void offer_text(struct search *s, const char *word)
{
	offer(s, word, strlen(word));
}

static void offer_commands(struct search *s)
{
	for (unsigned i = 0; i < command_count; i++)
		offer_text(s, command_table[i].name);
}

static void offer_addresses(struct search *s)
{
	for (unsigned i = 0; address_register(i); i++)
		offer_text(s, address_register(i));
}

static void offer_filter(struct search *s)
{
#define X(key, values, meaning) offer_text(s, #key "=");
	FILTER_KEYS(X)
#undef X
	offer_text(s, "all");
	offer_text(s, "important");
}

static void offer_vectors(struct search *s)
{
	for (unsigned v = 0; v < VECTOR_COUNT; v++) {
		const char *name = vector_table[v].mnemonic;
		char lower[8] = "";
		size_t n = 0;

		for (name += *name == '#'; *name && n < sizeof(lower) - 1; name++)
			lower[n++] = (char)(*name >= 'A' && *name <= 'Z' ? *name - 'A' + 'a' : *name);
		if (lower[0] > '9')
			offer(s, lower, n);
	}
	offer_text(s, "all");
	offer_text(s, "none");
}

static void offer_shares(struct search *s)
{
	struct trapline_share share;

	for (unsigned n = 0; n < TRAPLINE_SHARES; n++)
		if (share_at(n, &share))
			offer_text(s, share.name);
}

static void offer_watch(struct search *s)
{
	static const char *const words[] = {"physical", "linear", "reg", "rate=", "cr3=", "except=", "follow",
		"exec", "supervisor", "outside="};

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
		offer_text(s, words[i]);
#define X(enumerator, word, meaning) offer_text(s, word);
	WATCH_ACTIONS(X)
#undef X
#define X(enumerator, number, word, accesses, bits, meaning) offer_text(s, word);
	WATCH_REGISTERS(X)
#undef X
}

/* The candidates for the placeholders in a command's arguments. */
static const struct {
	const char *name;
	void (*offer)(struct search *s);
} kinds[] = {{"COMMAND", offer_commands}, {"ADDRESS", offer_addresses}, {"FILTER", offer_filter},
	{"VECTORS", offer_vectors}, {"NAME", offer_shares}, {"WATCH", offer_watch}};

static void offer_kind(struct search *s, const char *name, size_t n)
{
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strlen(kinds[i].name) == n && !strncmp(kinds[i].name, name, n))
			kinds[i].offer(s);
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/*
 * Adds the candidates for a command's arguments.
 *   inside  what was typed is a part of a word, such as after a comma
 */
static void offer_arguments(struct search *s, const char *arguments, bool inside)
{
	for (size_t n; *arguments; arguments += n ? n : 1) {
		n = 0;
		while (is_letter(arguments[n]))
			n++;
		if (n && arguments[0] <= 'Z')
			offer_kind(s, arguments, n);
		else if (n && !inside)
			offer(s, arguments, n);
	}
}

/* After these characters another name may begin: rsp+rax, -pf,ud, vec=pf. */
static bool joins(char c)
{
	return c == '+' || c == '-' || c == ',' || c == '=';
}

static void search(struct search *s, const struct command *command, const char *word)
{
	const char *end = s->typed + s->length;
	bool value = false;

	for (const char *at = word; at < end; at++) {
		value |= *at == '=';
		if (joins(*at))
			s->typed = at + 1;
	}
	s->length = (size_t)(end - s->typed);
	if (!value)
		offer_arguments(s, command->arguments, s->typed > word);
	else if (!strncmp(word, "vec", 3))
		offer_vectors(s);
}

/* A blank follows a complete word, but not a key, which needs a value. */
static void finish(struct search *s)
{
	if (s->c->count == 1 && s->c->list[s->end - 1] != '=')
		s->c->rest[s->common++] = ' ';
	s->c->rest[s->common] = '\0';
}

void command_complete(struct completion *c, const char *text, unsigned n)
{
	struct search s = {.c = c};
	const char *first = text, *word = text + n;
	const struct command *command;
	size_t length = 0;

	c->count = 0;
	c->rest[0] = c->list[0] = '\0';
	if (text[n] && text[n] != ' ')
		return;
	while (*first == ' ')
		first++;
	while (word > text && word[-1] != ' ')
		word--;
	s.typed = word;
	s.length = (size_t)(text + n - word);
	if (word <= first) {
		offer_commands(&s);
	} else {
		while (first[length] && first[length] != ' ')
			length++;
		command = command_find(first, length);
		if (command)
			search(&s, command, word);
	}
	if (c->count)
		finish(&s);
}
