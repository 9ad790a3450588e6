// SPDX-License-Identifier: MIT
#include "trapctl.h"

#include <stdio.h>
#include <string.h>

#define FREEZE_SECONDS 60

static int print_state(const char *command)
{
	uint64_t not_kept;
	int64_t left = trapline_frozen(&not_kept);

	if (left < 0)
		return fail(command, left);
	print_fields("%s frozen=%lld not_kept=%llu", command, (long long)left, (unsigned long long)not_kept);
	return STATUS_OK;
}

int freeze_for_now(void)
{
	int64_t error = trapline_freeze(FREEZE_SECONDS);

	return error < 0 ? fail("freeze", error) : STATUS_OK;
}

int command_freeze(int argc, char **argv)
{
	uint64_t seconds = FREEZE_SECONDS;
	int64_t error;

	if (argc > 2 || (argc == 2 && (!number(argv[1], &seconds) || !seconds)))
		return usage(argv[0]);
	error = trapline_freeze(seconds);
	return error < 0 ? fail("freeze", error) : print_state("freeze");
}

int command_thaw(int argc, char **argv)
{
	int64_t error;

	if (argc > 1)
		return usage(argv[0]);
	error = trapline_freeze(0);
	return error < 0 ? fail("thaw", error) : print_state("thaw");
}
