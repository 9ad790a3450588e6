// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "trapctl.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define POLL_MS  200
#define LINE_MAX 1024

static const char done[] = "done command=", reason[] = " why=\"";

/* Takes status and error text from the answer's last line. */
static int judge(char *line)
{
	char *why = strstr(line, reason);

	if (!why)
		return STATUS_OK;
	why += sizeof(reason) - 1;
	fflush(stdout);
	fprintf(stderr, "trapctl: console: %.*s\n", (int)strcspn(why, "\""), why);
	return STATUS_FAILED;
}

/* Prints the answer as it comes, one line at a time. */
static int show(int64_t number, bool quiet)
{
	char piece[4096], line[LINE_MAX];
	size_t length = 0;
	int64_t n;

	while ((n = trapline_answer(number, piece, sizeof(piece))) > 0)
		for (int64_t i = 0; i < n; i++) {
			if (piece[i] != '\n') {
				if (length < sizeof(line) - 1)
					line[length++] = piece[i];
				continue;
			}
			line[length] = '\0';
			length = 0;
			if (!strncmp(line, done, sizeof(done) - 1))
				return judge(line);
			if (!quiet)
				print_line(line);
		}
	return fail("console", n);
}

int console_command(const char *text, bool quiet)
{
	int64_t number;

	if (!*text)
		return STATUS_OK;
	number = trapline_command(text);
	return number < 0 ? fail("console", number) : show(number, quiet);
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
