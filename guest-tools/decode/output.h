// SPDX-License-Identifier: MIT
/* Where the output goes: standard output, a file, or a folder that the writer makes. */
#ifndef DECODE_OUTPUT_H
#define DECODE_OUTPUT_H

#include "options.h"

/* Writes one output. Returns the exit status. An existing file is replaced only by a complete one. */
int write_output(const struct model *m, const struct options *o, const struct output *to);

#endif
