// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "trapctl.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* The process that --pid names, or the newest one for pid 0. NULL: it did not die of an exception, or too long ago. */
const struct trapline_ended *ended_process(int pid)
{
	static struct trapline_ended e;

	for (uint32_t i = 0;; i++) {
		e.index = i;
		if (trapline_ended(&e))
			return NULL;
		if (!pid || e.pid == pid)
			return &e;
	}
}

int command_ended(int argc, char **argv)
{
	static struct trapline_ended e;
	int64_t error;

	if (argc > 1)
		return usage(argv[0]);
	for (uint32_t i = 0;; i++) {
		e.index = i;
		error = trapline_ended(&e);
		if (error)
			break;
		for (char *c = e.name; *c; c++)
			if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
				*c = '?'; /* must not occur in a name, because the line is logfmt */
		print_fields("ended pid=%d name=\"%s\" signal=SIG%s cr3=0x%" PRIx64, e.pid, e.name,
			sigabbrev_np((int)e.signal), (uint64_t)e.cr3);
	}
	return error == TRAPLINE_SYSTEM && errno == ENOENT ? STATUS_OK : fail("ended", error);
}
