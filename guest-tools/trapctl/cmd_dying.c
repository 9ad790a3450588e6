// SPDX-License-Identifier: MIT
#include "trapctl.h"

int command_dying(int argc, char **argv)
{
	char text[TRAPLINE_TEXT_MAX + 1];
	int64_t result;

	join_words(argc, argv, text, sizeof(text));
	result = trapline_dying(text);
	if (result < 0)
		return fail("dying", result);
	if (json)
		print_fields("dying reported=yes");
	return STATUS_OK;
}
