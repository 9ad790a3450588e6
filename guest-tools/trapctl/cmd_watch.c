// SPDX-License-Identifier: MIT
/* The words of `watch` are the console's; what only the guest knows is put in their place here: addresses of symbols. */
#define _GNU_SOURCE
#include "follow.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WORDS_MAX  512
#define WHOLE_MAX  4096 /* bytes of a symbol that is named without a size */
#define PIECE_SIZE 8    /* of one behind whose name there is an offset */

unsigned watch_add(const char *words, int *status)
{
	char why[TRAPLINE_WHY_MAX];
	int64_t id = trapline_watch_add(words, why);

	*status = STATUS_OK;
	if (id > 0)
		return (unsigned)id;
	if (id == TRAPLINE_REFUSED) {
		fprintf(stderr, "trapctl: watch: %s\n", why);
		*status = STATUS_FAILED;
	} else {
		*status = fail("watch", id);
	}
	return 0;
}

/* A place in a symbol: [MODULE:]NAME[+OFFSET][/BYTES]. */
struct place {
	char name[320];
	uint64_t address, bytes;
};

/* Cuts the text at a character. Returns the number behind it; false: it is none. */
static bool cut_number(char *text, char at, uint64_t *value, bool *given)
{
	char *found = strchr(text, at);

	*given = found;
	if (!found)
		return true;
	*found = '\0';
	return number(found + 1, value);
}

static const char *look_up(struct place *p, uint64_t offset, bool has_offset, bool has_bytes)
{
	struct found_symbol s = {.name = p->name};

	find_symbols(&s, 1);
	if (!s.count)
		return "not in /proc/kallsyms, which has addresses for root alone: NAME or MODULE:NAME";
	if (s.count > 1)
		return "several symbols have this name: MODULE:NAME is one of a module, vmlinux:NAME one of "
		       "the kernel";
	p->address = s.address + offset;
	if (has_bytes)
		return NULL;
	p->bytes = has_offset || !s.bytes ? PIECE_SIZE : s.bytes < WHOLE_MAX ? s.bytes : WHOLE_MAX;
	return NULL;
}

static const char *find_place(struct place *p, const char *word)
{
	bool has_bytes, has_offset;
	uint64_t offset = 0;

	snprintf(p->name, sizeof(p->name), "%s", word);
	if (!cut_number(p->name, '/', &p->bytes, &has_bytes) || (has_bytes && !p->bytes) ||
		!cut_number(p->name, '+', &offset, &has_offset))
		return "not a number behind the name: NAME+OFFSET/BYTES";
	return look_up(p, offset, has_offset, has_bytes);
}

struct adding {
	char words[WORDS_MAX];
	struct place place;
	bool by_symbol;
	struct follow follow;
};

static void append(struct adding *a, const char *word)
{
	size_t n = strlen(a->words);

	snprintf(a->words + n, sizeof(a->words) - n, "%s%s", n ? " " : "", word);
}

static bool take_symbol(struct adding *a, const char *word)
{
	const char *why = word ? find_place(&a->place, word) : "a name is missing";
	char range[64];

	if (why) {
		fprintf(stderr, "trapctl: watch: %s: %s\n", word ? word : "symbol", why);
		return false;
	}
	snprintf(range, sizeof(range), "linear 0x%" PRIx64 "+%" PRIu64, a->place.address, a->place.bytes);
	append(a, range);
	return a->by_symbol = true;
}

/* Returns a status. */
static int take_words(struct adding *a, char **argv)
{
	for (int i = 0; argv[i]; i++) {
		if (!strcmp(argv[i], "symbol")) {
			if (!take_symbol(a, argv[++i]))
				return STATUS_NOTHING;
		} else if (*argv[i] != '-') {
			append(a, argv[i]);
			if (!strcmp(argv[i], "once"))
				a->follow.hits = 1;
		} else if (!follow_take(&a->follow, argv, &i)) {
			return usage("watch");
		}
	}
	return STATUS_OK;
}

static int add(char **argv)
{
	struct adding a = {0};
	int status = take_words(&a, argv);
	unsigned id = status == STATUS_OK ? watch_add(a.words, &status) : 0;

	if (!id)
		return status;
	if (a.by_symbol)
		print_fields("watch added=%u symbol=%s addr=0x%" PRIx64 " bytes=%" PRIu64, id, a.place.name,
			a.place.address, a.place.bytes);
	else
		print_fields("watch added=%u", id);
	a.follow.watch[0] = id;
	return a.follow.wanted ? follow_watches(&a.follow) : STATUS_OK;
}

int command_watch(int argc, char **argv)
{
	char text[WORDS_MAX] = "watch ";
	size_t n = strlen(text);

	if (argc > 1 && !strcmp(argv[1], "add"))
		return add(argv + 2);
	if (argc > 1 && !strcmp(argv[1], "cred"))
		return watch_cred(argv + 2);
	if (argc > 1 && !strcmp(argv[1], "exec")) {
		join_words(argc - 1, argv + 1, text, sizeof(text));
		return watch_exec(text);
	}
	join_words(argc, argv, text + n, sizeof(text) - n);
	return console_command(text, false);
}
