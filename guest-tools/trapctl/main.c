#define _GNU_SOURCE
#include "trapctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <trace/vector.h>

#define X(name, arguments, help) {#name, arguments, help, command_##name},
static const struct command {
	const char *name, *arguments, *help;
	int (*run)(int argc, char **argv);
} commands[] = {COMMANDS(X)};
#undef X

#define COUNT (sizeof(commands) / sizeof(commands[0]))

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

int main(int argc, char **argv)
{
	const struct command *c = argc > 1 ? find(argv[1]) : NULL;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")))
		return help(stdout, STATUS_OK);
	if (!c)
		return help(stderr, STATUS_USAGE);
	if (argc > 2 && !strcmp(argv[2], "--help")) {
		printf("usage: trapctl %s %s\n%s\n", c->name, c->arguments, c->help);
		return STATUS_OK;
	}
	if (!trapline_present())
		return fail(c->name, TRAPLINE_NO_TRAPLINE);
	return c->run(argc - 1, argv + 1);
}
