// SPDX-License-Identifier: MIT
/* The command watch. */
#include "console/command.h"
#include "console/line.h"
#include "exit/watch_change.h"
#include "exit/watch_exec.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "log/log.h"
#include "stage2/exec.h"
#include "trace/text.h"
#include "watch/exec_ranges.h"
#include "watch/watch.h"

static bool has_word(const struct command_call *call, const char *word)
{
	for (unsigned i = 2; i < call->tokens.count; i++)
		if (!strcmp(call->tokens.at[i], word))
			return true;
	return false;
}

static const char *add(struct command_call *call)
{
	char words[LINE_TEXT_MAX];
	const char *bad, *why;
	uint16_t id;

	if (call->source == COMMAND_GUEST && has_word(call, watch_action_word(WATCH_STOP)))
		return "stop is for the operator at the console, and not for the guest";

	snprintf(words, sizeof(words), "%s", call->tokens.count > 2 ? call->tokens.rest[2] : "");
	why = watch_set(call->cpu, words, &id, &bad);
	if (why && *bad)
		log_reply("watch word=\"%s\"", bad);
	if (why)
		return why;
	log_reply("watch added=%u", id);
	return NULL;
}

static const char *delete (struct command_call *call)
{
	uint64_t id;

	if (call->tokens.count != 3)
		return "which one: watch delete N, with a number of watch list, or watch delete all";
	if (!strcmp(call->tokens.at[2], "all")) {
		log_reply("watch deleted=%u", watch_delete_all());
		watch_changed(call->cpu);
		return NULL;
	}
	if (!token_number(call->tokens.at[2], &id) || id > UINT16_MAX || !watch_delete((uint16_t)id))
		return "there is no such watch; watch list shows their numbers";
	log_reply("watch deleted=%lu", id);
	watch_changed(call->cpu);
	return NULL;
}

/* watch allow RANGES, watch forbid RANGES */
static const char *change_ranges(struct command_call *call)
{
	const char *why;

	if (call->tokens.count != 3)
		return command_usage;
	why = watch_exec_allow(call->cpu, call->tokens.at[2], !strcmp(call->tokens.at[1], "allow"));
	if (!why)
		log_reply("watch ranges=%u", exec_ranges_count());
	return why;
}

/* For each source: the watch after which its list continues. */
static const struct watch *shown[COMMAND_SOURCES];

static bool next_watch_line(enum command_source source, char *text, size_t size)
{
	const struct watch *w = watch_next(shown[source]);
	struct text t = text_on(text, size);
	struct watch_spec spec;
	uint32_t generation;
	uint16_t id;

	while (w && !watch_read(w, &id, &spec, &generation))
		w = watch_next(w);
	if (!w)
		return false;
	shown[source] = w;
	text_add(&t, "watch id=%u hits=%lu", id, atomic_load(&w->hits));
	if (spec.space != WATCH_REGISTER)
		text_add(&t, " neighbours=%lu", atomic_load(&w->neighbours));
	if (atomic_load(&w->limited))
		text_add(&t, " limited=%lu", atomic_load(&w->limited));
	if (atomic_load(&w->excepted))
		text_add(&t, " excepted=%lu", atomic_load(&w->excepted));
	if (atomic_load(&w->waits))
		text_add_string(&t, " waits=1");
	if (spec.space == WATCH_EXEC)
		text_add(&t, " ranges=%u mixed=%lu unseen=%lu", exec_ranges_count(), exec_mixed(),
			exec_unseen());
	text_add_string(&t, " what=\"");
	watch_format(&t, &spec);
	text_add_string(&t, "\"");
	return true;
}

const char *command_watch(struct command_call *call)
{
	const struct tokens *w = &call->tokens;

	if (w->count == 1 || (w->count == 2 && !strcmp(w->at[1], "list"))) {
		shown[call->source] = NULL;
		call->more = next_watch_line;
		return NULL;
	}
	if (!strcmp(w->at[1], "add"))
		return add(call);
	if (!strcmp(w->at[1], "delete"))
		return delete (call);
	if (!strcmp(w->at[1], "allow") || !strcmp(w->at[1], "forbid"))
		return change_ranges(call);
	return command_usage;
}
