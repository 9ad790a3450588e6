#include "console/command.h"
#include "console/console.h"
#include "console/input.h"
#include "console/line.h"
#include "lib/printf.h"
#include "lib/string.h"

enum place {
	ANYWHERE,
	ON_CPU,
	OPERATOR
};

#define X(name, arguments, where, help) {#name, arguments, where, help, command_##name},
static const struct command {
	const char *name, *arguments;
	enum place where;
	const char *help;
	command_function *run;
} commands[] = {COMMANDS(X)};
#undef X
#define COUNT (sizeof(commands) / sizeof(commands[0]))

static atomic_flag busy = ATOMIC_FLAG_INIT;

/* By its whole name. */
static const struct command *find(const char *name, size_t n)
{
	for (unsigned i = 0; i < COUNT; i++)
		if (!strncmp(commands[i].name, name, n) && !commands[i].name[n])
			return &commands[i];
	return NULL;
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

uint32_t command_place(const char *text)
{
	const char *name = skip_blanks(text);
	const struct command *c = find(name, word_length(name));

	return c && c->where == ON_CPU ? input_cpu : COMMAND_ANYWHERE;
}

const char *command_complete(const char *text, unsigned n)
{
	static char rest[16];
	const struct command *only = NULL;

	for (unsigned i = 0; n && i < COUNT; i++) {
		if (strncmp(commands[i].name, text, n))
			continue;
		if (only)
			return NULL;
		only = &commands[i];
	}
	if (!only || word_length(text) > n)
		return NULL;
	snprintf(rest, sizeof(rest), "%s ", only->name + n);
	return rest;
}

bool command_begin(void)
{
	return !atomic_flag_test_and_set_explicit(&busy, memory_order_acquire);
}

void command_end(void)
{
	atomic_flag_clear_explicit(&busy, memory_order_release);
}

void command_run(struct cpu *cpu, enum command_source source, char *text, struct command_result *result)
{
	static char copy[LINE_TEXT_MAX];
	struct command_call call = {.cpu = cpu, .source = source};
	const struct command *c;

	words_split(&call.words, text, copy);
	*result = (struct command_result){.name = "none"};
	if (!call.words.count)
		return;
	c = find(call.words.at[0], strlen(call.words.at[0]));
	if (!c) {
		result->why = "no such command; help lists them";
		return;
	}
	result->name = c->name;
	if (source == COMMAND_GUEST && c->where == OPERATOR) {
		result->why = "this is for the operator at the console, and not for the guest";
		return;
	}
	result->why = c->run(&call);
	result->more = call.more;
}

void command_done(char *line, size_t size, const char *name, const char *why)
{
	if (why)
		snprintf(line, size, "done command=%s status=error why=\"%s\"", name, why);
	else
		snprintf(line, size, "done command=%s status=ok", name);
}

bool command_number(const struct command_call *call, unsigned i, uint64_t absent, uint64_t *value)
{
	*value = absent;
	return i >= call->words.count || word_number(call->words.at[i], value);
}

const char *command_count_and_cpu(struct command_call *call, uint64_t *count, uint32_t *cpu)
{
	unsigned i = 1;
	uint64_t n;

	if (i < call->words.count && strcmp(call->words.at[i], "cpu"))
		if (!word_number(call->words.at[i++], count) || !*count)
			return "how many: a number from 1 up";
	if (i == call->words.count)
		return NULL;
	if (strcmp(call->words.at[i], "cpu") || i + 2 != call->words.count)
		return "its arguments are [N] [cpu N]";
	if (!word_number(call->words.at[i + 1], &n) || n >= BOOT_MAX_CPUS || !cpus[n])
		return "there is no such CPU";
	*cpu = (uint32_t)n;
	return NULL;
}

const char *command_help(struct command_call *call)
{
	const char *name = call->words.count > 1 ? call->words.at[1] : NULL;
	const struct command *c = name ? find(name, strlen(name)) : NULL;

	if (name && !c)
		return "no such command; help lists them";
	for (unsigned i = 0; i < COUNT; i++)
		if (!c || c == &commands[i])
			console_reply("help name=%s arguments=\"%s\" text=\"%s\"", commands[i].name,
				commands[i].arguments, commands[i].help);
	return NULL;
}
