// SPDX-License-Identifier: MIT
/* Watches, by the console's command: docs/vmcall.md says why there is no service of their own. */
#define _GNU_SOURCE
#include "trapline.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRONG_MAX  64
#define REASON_MAX (TRAPLINE_WHY_MAX - WRONG_MAX - 2)

struct added {
	int64_t id;
	char wrong[WRONG_MAX]; /* the word that is; "" if it is none */
};

static void take_added(void *to, const char *line)
{
	struct added *a = to;

	if (sscanf(line, "watch added=%" SCNd64, &a->id) != 1)
		sscanf(line, "watch word=\"%63[^\"]", a->wrong);
}

int64_t trapline_watch_add(const char *words, char why[TRAPLINE_WHY_MAX])
{
	char command[2 * TRAPLINE_TEXT_MAX], reason[TRAPLINE_WHY_MAX];
	struct added a = {.id = TRAPLINE_E_MISSING};
	int64_t error;

	if (snprintf(command, sizeof(command), "watch add %s", words) > TRAPLINE_TEXT_MAX) {
		snprintf(why, TRAPLINE_WHY_MAX, "more than %zu bytes",
			TRAPLINE_TEXT_MAX - sizeof("watch add"));
		return TRAPLINE_REFUSED;
	}
	error = trapline_ask(command, take_added, &a, reason);
	snprintf(why, TRAPLINE_WHY_MAX, "%s%s%.*s", a.wrong, *a.wrong ? ": " : "", REASON_MAX, reason);
	return error < 0 ? error : a.id;
}

int64_t trapline_watch_delete(unsigned id)
{
	char command[64], why[TRAPLINE_WHY_MAX];

	snprintf(command, sizeof(command), "watch delete %u", id);
	return trapline_ask(command, NULL, NULL, why);
}

struct list {
	struct trapline_watch *at;
	size_t room, count;
};

/* The number behind a word of the line; 0 if the word is not there. */
static uint64_t field(const char *line, const char *word)
{
	const char *at = strstr(line, word);

	return at ? strtoull(at + strlen(word), NULL, 10) : 0;
}

static void take_watch(void *to, const char *line)
{
	struct list *l = to;
	const char *what = strstr(line, " what=\"");
	struct trapline_watch *w = &l->at[l->count];

	if (!what || l->count++ >= l->room)
		return;
	*w = (struct trapline_watch){
		.id = (unsigned)field(line, " id="),
		.hits = field(line, " hits="),
		.neighbours = field(line, " neighbours="),
		.limited = field(line, " limited="),
		.excepted = field(line, " excepted="),
	};
	snprintf(w->what, sizeof(w->what), "%.*s", (int)strcspn(what + 7, "\""), what + 7);
}

int64_t trapline_watch_list(struct trapline_watch *list, size_t room)
{
	struct list l = {list, room, 0};
	char why[TRAPLINE_WHY_MAX];
	int64_t error = trapline_ask("watch list", take_watch, &l, why);

	return error < 0 ? error : (int64_t)l.count;
}
