// SPDX-License-Identifier: MIT
#include "console/command.h"
#include "console/input.h"
#include "console/line.h"
#include "hw/lock.h"
#include "lib/array.h"
#include "log/log.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "trace/text.h"

#define X(name, arguments, where, help) {#name, arguments, where, help, command_##name},
const struct command command_table[] = {COMMANDS(X)};
#undef X
const unsigned command_count = ARRAY_SIZE(command_table);

static struct lock busy = LOCK_FREE;

/* A command that cannot be undone must be written in full. */
static bool may_be_short(const struct command *c)
{
	return c->run != command_reset && c->run != command_capture;
}

static bool begins_with(const struct command *c, const char *name, size_t n)
{
	return !strncmp(c->name, name, n);
}

const struct command *command_find(const char *name, size_t n)
{
	const struct command *found = NULL;
	unsigned fit = 0;

	if (n == 1 && *name == '?')
		return command_find("help", 4);

	for (unsigned i = 0; n && i < command_count; i++) {
		const struct command *c = &command_table[i];

		if (!begins_with(c, name, n))
			continue;
		if (!c->name[n])
			return c;
		found = c;
		fit++;
	}
	return fit == 1 && may_be_short(found) ? found : NULL;
}

const char *command_not_found(const char *name)
{
	static char why[256];
	struct text t = text_on(why, sizeof(why));
	size_t n = strlen(name);
	unsigned fit = 0;

	text_add(&t, "it can be short for");
	for (unsigned i = 0; n && i < command_count; i++)
		if (begins_with(&command_table[i], name, n)) {
			text_add(&t, "%s%s", fit++ ? ", " : " ", command_table[i].name);
		}
	if (fit == 1)
		text_add(&t, ", which must be written in full");
	return fit ? why : "no such command; help lists all commands";
}

static size_t word_length(const char *text)
{
	size_t n = 0;

	while (text[n] && text[n] != ' ')
		n++;
	return n;
}

static const char *skip_blanks(const char *text)
{
	while (*text == ' ')
		text++;
	return text;
}

const struct command *command_of(const char *text, const char **arguments)
{
	const char *name = skip_blanks(text);
	size_t n = word_length(name);

	*arguments = skip_blanks(name + n);
	return command_find(name, n);
}

/* Whether a command that accepts it has `all` and nothing else. */
static bool is_for_all(const char *text)
{
	const char *arguments;
	const struct command *c = command_of(text, &arguments);
	size_t n = word_length(arguments);

	return c && c->where == EACH_CPU && n == 3 && !strncmp(arguments, "all", n) &&
	       !*skip_blanks(arguments + n);
}

/* The first CPU from n on that runs the guest. */
static uint32_t running_from(uint32_t n)
{
	for_each_cpu (c)
		if (c->number >= n && !atomic_load(&c->start))
			return c->number;
	return COMMAND_ANYWHERE;
}

uint32_t command_place(const char *text)
{
	const char *arguments;
	const struct command *c = command_of(text, &arguments);

	if (is_for_all(text))
		return running_from(0);
	return c && (c->where == ON_CPU || c->where == EACH_CPU) ? input_cpu : COMMAND_ANYWHERE;
}

uint32_t command_next(const char *text, uint32_t cpu)
{
	return is_for_all(text) && cpu < BOOT_MAX_CPUS ? running_from(cpu + 1) : COMMAND_ANYWHERE;
}

static void (*waits)(void);

void command_when_busy(void (*call)(void))
{
	waits = call;
}

bool command_begin(void)
{
	if (lock_try(&busy))
		return true;
	if (waits)
		waits();
	return false;
}

void command_end(void)
{
	lock_give(&busy);
}

static const char *refusal(const struct command *c, const struct command_call *call)
{
	if (call->source == COMMAND_GUEST && c->where == OPERATOR)
		return "only the operator at the console may use this command";
	if (!*c->arguments && call->tokens.count > 1)
		return "it takes no arguments";
	return NULL;
}

const char command_usage[] = "usage";

/* The usage of a command's row. */
static const char *usage_of(const struct command *c)
{
	static char text[COMMAND_DONE_MAX];

	snprintf(text, sizeof(text), "usage: %s %s", c->name, c->arguments);
	return text;
}

/* A command of the guest's begins in the exit of its call, where the guest's registers are those of the call. */
static void rest_before(enum command_source source)
{
	if (source == COMMAND_OPERATOR)
		log_rest();
}

void command_run(struct cpu *cpu, enum command_source source, char *text, struct command_result *result)
{
	static char copy[LINE_TEXT_MAX];
	struct command_call call = {.cpu = cpu, .source = source};
	const struct command *c;

	tokens_split(&call.tokens, text, copy);
	*result = (struct command_result){.name = "none"};
	if (!call.tokens.count)
		return;
	rest_before(source);
	c = command_find(call.tokens.at[0], strlen(call.tokens.at[0]));
	if (!c) {
		rest_before(source);
		result->why = command_not_found(call.tokens.at[0]);
		return;
	}
	result->name = c->name;
	result->why = refusal(c, &call);
	if (result->why)
		return;
	rest_before(source);
	result->why = c->run(&call);
	if (result->why == command_usage)
		result->why = usage_of(c);
	result->more = call.more;
}

void command_done(char *line, size_t size, const char *name, const char *why)
{
	if (why)
		snprintf(line, size, "done command=%s status=error why=\"%s\"", name, why);
	else
		snprintf(line, size, "done command=%s status=ok", name);
}

bool command_only_word(const struct command_call *call, const char *word)
{
	return call->tokens.count == 2 && !strcmp(call->tokens.at[1], word);
}

bool command_number(const struct command_call *call, unsigned i, uint64_t absent, uint64_t *value)
{
	*value = absent;
	return i >= call->tokens.count || token_number(call->tokens.at[i], value);
}

const char *command_count_and_cpu(struct command_call *call, uint64_t *count, uint32_t *cpu)
{
	unsigned i = 1;
	uint64_t n;

	if (i < call->tokens.count && strcmp(call->tokens.at[i], "cpu"))
		if (!token_number(call->tokens.at[i++], count) || !*count)
			return "N is a number from 1 up";
	if (i == call->tokens.count)
		return NULL;
	if (strcmp(call->tokens.at[i], "cpu") || i + 2 != call->tokens.count)
		return command_usage;
	if (!token_number(call->tokens.at[i + 1], &n) || n >= BOOT_MAX_CPUS || !cpus[n])
		return "there is no such CPU";
	*cpu = (uint32_t)n;
	return NULL;
}
