// SPDX-License-Identifier: MIT
/* The formats of trapline-decode. Each is a function in its own file. */
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

/* Writes the whole output. Returns 0, or the exit status after a message on standard error. */
typedef int writer(const struct model *m, FILE *out, const struct write_options *options);

#define WRITER(name, suffix, help) writer write_##name;
#include "writers.def"
#undef WRITER

/* Whether `file` is a folder, which the writer makes. `out` is standard output then. */
static inline bool writes_folder(writer *w)
{
	return w == write_ctf;
}

#endif
