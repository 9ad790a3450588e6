#include "trapctl.h"

#include <stdio.h>
#include <string.h>

int command_mark(int argc, char **argv)
{
	char text[TRAPLINE_TEXT_MAX + 1] = "";
	int64_t result;

	if (argc < 2)
		return usage(argv[0]);
	for (int i = 1; i < argc; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i > 1 ? " " : "", argv[i]);
	result = trapline_mark(text);
	if (result < 0)
		return fail("mark", result);
	if (json)
		print_fields("mark seq=%lld", (long long)result);
	return STATUS_OK;
}
