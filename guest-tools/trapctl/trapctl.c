// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "lib/array.h"
#include "trapctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <trace/vector.h>

#define X(name, arguments, words, help) {#name, arguments, words, help, command_##name},
static const struct command {
	const char *name, *arguments;
	unsigned words;
	const char *help;
	int (*run)(int argc, char **argv);
} commands[] = {COMMANDS(X)};
#undef X

#define COUNT ARRAY_SIZE(commands)

static const struct command *find(const char *name)
{
	for (unsigned i = 0; i < COUNT; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int help(FILE *to, int status)
{
	fprintf(to, "usage: trapctl COMMAND [ARGUMENTS]\n\n");
	for (unsigned i = 0; i < COUNT; i++)
		fprintf(to, "  trapctl %s %s\n      %s\n", commands[i].name, commands[i].arguments,
			commands[i].help);
	fprintf(to, "\n  trapctl help COMMAND, trapctl COMMAND --help\n      more about one of them\n"
		    "  --json, before or behind COMMAND\n      one JSON object a line\n");
	fprintf(to, "\nExit status: 0 done, 1 refused, 2 usage, 3 no Trapline, 4 needs root or the kernel "
		    "module, 5 nothing there\n");
	return status;
}

int usage(const char *command)
{
	const struct command *c = find(command);

	fprintf(stderr, "usage: trapctl %s %s\n", c->name, c->arguments);
	return STATUS_USAGE;
}

int fail(const char *what, int64_t error)
{
	fprintf(stderr, "trapctl: %s: %s\n", what, trapline_error(error));
	switch (error) {
	case TRAPLINE_NO_TRAPLINE:
		return STATUS_NO_TRAPLINE;
	case TRAPLINE_NO_MODULE:
	case TRAPLINE_NO_RIGHT:
	case TRAPLINE_E_DENIED:
		return STATUS_NO_ACCESS;
	case TRAPLINE_E_EMPTY:
	case TRAPLINE_E_MISSING:
		return STATUS_NOTHING;
	default:
		return STATUS_FAILED;
	}
}

bool number(const char *text, uint64_t *value)
{
	char *end;

	*value = strtoull(text, &end, 0);
	return *text && *text != '-' && !*end;
}

const char *option_value(const char *word, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(word, name, n) && word[n] == '=' ? word + n + 1 : NULL;
}

static uint32_t vector_bit(const char *word)
{
	uint64_t n;

	for (unsigned i = 0; i < VECTOR_COUNT; i++) {
		const char *name = vector_name(i);

		if (name && !strcasecmp(name + (*name == '#'), word + (*word == '#')))
			return 1u << i;
	}
	return number(word, &n) && n < VECTOR_COUNT ? 1u << n : 0;
}

bool vector_list(const char *text, uint32_t *mask)
{
	char *copy = strdup(text), *rest;
	bool first = true, good = true;

	for (char *word = strtok_r(copy, " ,", &rest); word && good; word = strtok_r(NULL, " ,", &rest)) {
		char sign = *word == '+' || *word == '-' ? *word++ : 0;
		uint32_t bits = !strcmp(word, "all") ? ~0u : vector_bit(word);

		good = bits || !strcmp(word, "none");
		if (first && !sign)
			*mask = 0;
		*mask = sign == '-' ? *mask & ~bits : *mask | bits;
		first = false;
	}
	free(copy);
	return good && !first;
}

int64_t cpu_count(void)
{
	struct trapline_registers r = {.rax = TRAPLINE_CALL_status};

	return trapline_call(&r);
}

static int help_one(const struct command *c)
{
	if (!c)
		return help(stderr, STATUS_USAGE);
	printf("usage: trapctl [--json] %s %s\n%s\n%s", c->name, c->arguments, c->help, help_more(c->name));
	return STATUS_OK;
}

/* Removes the common options, unless they are part of a text. Returns the number of words left. */
static int take_common(const struct command *c, int argc, char **argv, bool *wants_help)
{
	unsigned words = 0;
	int n = 1;

	for (int i = 1; i < argc; i++) {
		if (words <= c->words && !strcmp(argv[i], "--json")) {
			json = true;
		} else if (words <= c->words && !strcmp(argv[i], "--help")) {
			*wants_help = true;
		} else {
			words += *argv[i] != '-';
			argv[n++] = argv[i];
		}
	}
	argv[n] = NULL;
	return n;
}

static int run(int argc, char **argv)
{
	const struct command *c = find(argv[0]);
	bool wants_help = false;

	if (!c)
		return help(stderr, STATUS_USAGE);
	argc = take_common(c, argc, argv, &wants_help);
	if (wants_help)
		return help_one(c);
	if (c->run != command_version && c->run != command_bench && !trapline_present())
		return fail(c->name, TRAPLINE_NO_TRAPLINE);
	return c->run(argc, argv);
}

int main(int argc, char **argv)
{
	char version[] = "version", *just_version[] = {version, NULL};

	lock_memory();
	for (argc--, argv++; argc && !strcmp(*argv, "--json"); argc--, argv++)
		json = true;
	if (!argc)
		return help(stderr, STATUS_USAGE);
	if (!strcmp(*argv, "help") || !strcmp(*argv, "--help"))
		return argc > 1 ? help_one(find(argv[1])) : help(stdout, STATUS_OK);
	if (!strcmp(*argv, "--version"))
		return run(1, just_version);
	return run(argc, argv);
}
