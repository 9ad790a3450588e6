// SPDX-License-Identifier: MIT
#include "trapctl.h"

#include <stdio.h>
#include <string.h>

void join_words(int argc, char **argv, char *text, size_t size)
{
	*text = 0;
	for (int i = 1; i < argc; i++)
		snprintf(text + strlen(text), size - strlen(text), "%s%s", i > 1 ? " " : "", argv[i]);
}

int command_mark(int argc, char **argv)
{
	char text[TRAPLINE_TEXT_MAX + 1];
	int64_t result;

	if (argc < 2)
		return usage(argv[0]);
	join_words(argc, argv, text, sizeof(text));
	result = trapline_mark(text);
	if (result < 0)
		return fail("mark", result);
	if (json)
		print_fields("mark seq=%lld", (long long)result);
	return STATUS_OK;
}
