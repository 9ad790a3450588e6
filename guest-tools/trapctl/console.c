#define _GNU_SOURCE
#include "trapctl.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define POLL_MS 200

static int64_t say(const char *text)
{
	struct trapline_registers r = {
		TRAPLINE_CALL_say, (uint64_t)text, strnlen(text, TRAPLINE_TEXT_MAX), TRAPLINE_PAGE_IN, 0, 0};

	return r.rcx ? trapline_call(&r) : 0;
}

/* What waits, one line each; TRAPLINE_E_EMPTY at the end. */
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
	fflush(stdout);
	return n;
}

/* Until standard input ends. */
static int converse(void)
{
	struct pollfd input = {.fd = 0, .events = POLLIN};
	char line[512];

	for (;;) {
		int64_t result = hear_all();

		if (result != TRAPLINE_E_EMPTY)
			return fail("console", result);
		if (poll(&input, 1, POLL_MS) <= 0)
			continue;
		if (!fgets(line, sizeof(line), stdin))
			return STATUS_OK;
		line[strcspn(line, "\n")] = '\0';
		result = say(line);
		if (result < 0)
			return fail("console", result);
	}
}

int command_console(int argc, char **argv)
{
	char text[512] = "";
	int64_t result;

	if (argc == 1)
		return converse();
	for (int i = 1; i < argc; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i > 1 ? " " : "", argv[i]);
	result = say(text);
	return result < 0 ? fail("console", result) : STATUS_OK;
}
