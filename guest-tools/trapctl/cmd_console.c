// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "trapctl.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define POLL_MS 200

static void show(void *unused, const char *line)
{
	(void)unused;
	print_line(line);
}

int console_command(const char *text, bool quiet)
{
	char why[TRAPLINE_WHY_MAX];
	int64_t error;

	if (!*text)
		return STATUS_OK;
	error = trapline_ask(text, quiet ? NULL : show, NULL, why);
	if (!error)
		return STATUS_OK;
	if (error != TRAPLINE_REFUSED)
		return fail("console", error);
	fflush(stdout);
	fprintf(stderr, "trapctl: console: %s\n", why);
	return STATUS_FAILED;
}

static int carry_out(const char *text)
{
	return console_command(text, false);
}

/* Prints all messages of the operator, one line each. Returns TRAPLINE_E_EMPTY at the end. */
static int64_t hear_all(void)
{
	char text[TRAPLINE_TEXT_MAX];
	int64_t n;

	do {
		struct trapline_registers r = {
			TRAPLINE_CALL_hear, (uint64_t)text, sizeof(text), TRAPLINE_PAGE_IN, 0, 0};

		n = trapline_call(&r);
		if (n > 0)
			printf("operator: %.*s\n", (int)n, text);
	} while (n > 0);
	return n;
}

/* Reads a line of standard input; *whole is false if it is too long for a command. Returns false at the end. */
static bool next_line(char *line, int size, bool *whole)
{
	int c = '\n';

	if (!fgets(line, size, stdin))
		return false;
	*whole = strchr(line, '\n') || feof(stdin);
	while (!*whole && (c = getchar()) != '\n' && c != EOF)
		;
	line[strcspn(line, "\n")] = '\0';
	return true;
}

/* Runs commands until standard input ends. */
static int converse(void)
{
	struct pollfd input = {.fd = 0, .events = POLLIN};
	char line[512];
	int status = STATUS_OK;
	bool whole;

	/* stdio must not read ahead, because poll() would not see those bytes. */
	setvbuf(stdin, NULL, _IONBF, 0);
	for (bool prompt = isatty(0);; prompt = isatty(0)) {
		if (prompt)
			printf("trapline> ");
		do {
			int64_t result = hear_all();

			if (result != TRAPLINE_E_EMPTY)
				return fail("console", result);
			fflush(stdout);
		} while (poll(&input, 1, POLL_MS) <= 0);
		if (!next_line(line, sizeof(line), &whole))
			return status;
		if (whole)
			status = carry_out(line);
		else
			status = fail("console", TRAPLINE_E_ARGUMENT);
	}
}

int command_console(int argc, char **argv)
{
	char text[512] = "";

	if (argc == 1)
		return converse();
	for (int i = 1; i < argc; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i > 1 ? " " : "", argv[i]);
	return carry_out(text);
}
