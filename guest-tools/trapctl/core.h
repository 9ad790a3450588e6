// SPDX-License-Identifier: MIT
/* What the files of trapctl's command core share. */
#ifndef TRAPCTL_CORE_H
#define TRAPCTL_CORE_H

#include "trapctl.h"

/* The core that Trapline keeps. */
struct core {
	unsigned char *at;
	uint64_t bytes, all;
	uint64_t made; /* 0: the last run's; TRAPLINE_CORE_EARLIER: an earlier one's */
};

/* Fetches it. Returns a status; with STATUS_OK the caller calls core_free(). */
int core_fetch(struct core *c);
void core_free(struct core *c);

/*
 * Creates the file that is written, or empties it. It has the kernel's memory: only its owner may read it, and the owner is the caller.
 * Returns its descriptor, or -1.
 */
int core_create(const char *file);

/* Prints errno. Returns a status. */
int core_file_failed(const char *file);

/* Writes a core with all memory. */
int core_full(const char *file);

#endif
