// SPDX-License-Identifier: MIT
/* Where the forms of the log go: standard output, a file, or a folder that the writer makes. */
#ifndef DECODE_OUTPUT_H
#define DECODE_OUTPUT_H

#include "options.h"

/* Writes one output. Returns the exit status. A file that is there already is kept unless the new one is whole. */
int write_output(const struct model *m, const struct options *o, const struct output *to);

#endif
