// SPDX-License-Identifier: MIT
/* Commands of the console: their answers in lines. */
#define _GNU_SOURCE
#include "trapline.h"

#include <stdio.h>
#include <string.h>

#define LINE_SIZE 1024

static const char done[] = "done command=", reason[] = " why=\"";

/* What the answer's last line says. */
static int64_t judge(const char *line, char why[TRAPLINE_WHY_MAX])
{
	const char *begin = strstr(line, reason);

	if (!begin)
		return 0;
	begin += sizeof(reason) - 1;
	snprintf(why, TRAPLINE_WHY_MAX, "%.*s", (int)strcspn(begin, "\""), begin);
	return TRAPLINE_REFUSED;
}

static int64_t take_answer(int64_t number, trapline_taker *take, void *to, char why[TRAPLINE_WHY_MAX])
{
	char piece[4096], line[LINE_SIZE];
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
				return judge(line, why);
			if (take)
				take(to, line);
		}
	return n < 0 ? n : TRAPLINE_E_MISSING;
}

int64_t trapline_ask(const char *command, trapline_taker *take, void *to, char why[TRAPLINE_WHY_MAX])
{
	int64_t number = trapline_command(command);

	why[0] = '\0';
	return number < 0 ? number : take_answer(number, take, to, why);
}
