// SPDX-License-Identifier: MIT
/* The number of exceptions of each vector, as a table for people. */
#ifndef TRAPLINE_SUMMARY_H
#define TRAPLINE_SUMMARY_H

#include <stddef.h>
#include <stdint.h>
#include "trace/vector.h"

/* The heading, 32 rows and the total fit, NUL included. */
#define SUMMARY_MAX 4096

struct trap_counts {
	uint64_t kernel[VECTOR_COUNT]; /* taken at CPL 0, 1 or 2 */
	uint64_t user[VECTOR_COUNT];   /* taken at CPL 3 */
};

/*
 * Writes the table: a line for each vector that occurred, each with a newline.
 *   out   NUL-terminated, unless size is 0
 *   size  SUMMARY_MAX is enough
 * Returns the length without the NUL; below size.
 */
size_t summary_format(char *out, size_t size, const struct trap_counts *counts);

#endif
