// SPDX-License-Identifier: MIT
#include "vmcall/policy.h"
#include <stdbool.h>
#include <trapline/services.h>
#include "lib/array.h"
#include "lib/string.h"

/* A name as words of 8 bytes, to compare it in at most three steps. */
union name {
	char text[POLICY_NAME_SIZE];
	uint64_t word[POLICY_NAME_SIZE / 8];
};

#define X(number, name, who, rbx, rcx, rdx, rsi, rdi, errors)                                                \
	_Static_assert(sizeof(#name) <= POLICY_NAME_SIZE, "room for the name");                              \
	_Static_assert((number) > 0 && (number) < TRAPLINE_CALL_LIMIT, "a bit of the feature mask");
TRAPLINE_SERVICES(X)
#undef X

#define X(number, name, who, rbx, rcx, rdx, rsi, rdi, errors) {{#name}, number},
static const struct {
	union name name;
	uint64_t number;
} names[] = {TRAPLINE_SERVICES(X)};
#undef X

#define COUNT ARRAY_SIZE(names)

#define USER(number) 1ull << (number) |
#define KERNEL(number)
#define X(number, name, who, rbx, rcx, rdx, rsi, rdi, errors) who(number)
static const uint64_t user_by_default = TRAPLINE_SERVICES(X) 0ull;
#undef X
#undef USER
#undef KERNEL

/*
 * The names by a hash of their first eight characters, so that a lookup compares one or two names. Each entry is index + 1 of the
 * first name, and of the next one.
 */
#define GROUP_BITS 8 /* with these names: at most two in a group, nearly all alone */
#define GROUPS     (1u << GROUP_BITS)
#define SPREAD     0x9e3779b97f4a7c15 /* the golden ratio: Fibonacci hashing */
static uint8_t first[GROUPS], next[COUNT];

static unsigned group_of(uint64_t word)
{
	return (unsigned)(word * SPREAD >> (64 - GROUP_BITS));
}

static void index_names(void)
{
	memset(first, 0, sizeof(first));
	for (unsigned i = 0; i < COUNT; i++) {
		unsigned group = group_of(names[i].name.word[0]);

		next[i] = first[group];
		first[group] = (uint8_t)(i + 1);
	}
}

static uint64_t load_word(const char *at)
{
	uint64_t word;

	__builtin_memcpy(&word, at, sizeof(word));
	return word;
}

uint64_t policy_number(const char *name)
{
	uint64_t word = load_word(name);

	for (unsigned n = first[group_of(word)]; n; n = next[n - 1]) {
		const union name *one = &names[n - 1].name;

		if (word == one->word[0] && load_word(name + 8) == one->word[1] &&
			load_word(name + 16) == one->word[2])
			return names[n - 1].number;
	}
	return 0;
}

/* Takes the next word of the list. False at its end. A word that is too long is cut, and then names no service. */
static bool take_word(const char **list, char *word)
{
	unsigned n = 0;

	memset(word, 0, POLICY_NAME_SIZE);
	while (**list == ' ' || **list == ',' || **list == '\t')
		++*list;
	for (; **list && **list != ' ' && **list != ',' && **list != '\t'; ++*list)
		if (n < POLICY_NAME_SIZE)
			word[n++] = **list;
	return n;
}

const char *policy_init(struct policy *p, const struct trapline_config *config)
{
	const char *list = config->user_calls, *start, *bad = NULL;
	char word[POLICY_NAME_SIZE];

	*p = (struct policy){0};
	index_names();
	for (unsigned i = 0; i < COUNT; i++)
		p->there |= 1ull << names[i].number;
	if (config->example_foo == EXAMPLE_FOO_OFF)
		p->there &= ~(1ull << TRAPLINE_CALL_foo);
	for (start = list; take_word(&list, word); start = list) {
		uint64_t number = policy_number(word);

		if (!strcmp(word, "default"))
			p->user |= user_by_default;
		else if (number)
			p->user |= 1ull << number;
		else if (!bad)
			bad = start;
	}
	return bad;
}
