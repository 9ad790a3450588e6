// SPDX-License-Identifier: MIT
/* The forms that trapline-decode prints. Each is a function in a file of its own. */
#ifndef DECODE_WRITERS_H
#define DECODE_WRITERS_H

#include "model.h"

#include <stdio.h>

struct write_options {
	bool color;
	bool terminal;     /* a terminal shows what is written */
	const char *title; /* the first input's name */
	const char *file;  /* where to; NULL: standard output */
};

/* Writes everything. 0; another number is the exit status, after a message on standard error. */
typedef int writer(const struct model *m, FILE *out, const struct write_options *options);

#define WRITER(name, suffix, help) writer write_##name;
#include "writers.def"
#undef WRITER

/* Whether `file` is a folder, which the writer makes. Its `out` is standard output. */
static inline bool writes_folder(writer *w)
{
	return w == write_ctf;
}

#endif
