// SPDX-License-Identifier: MIT
/* Escapes text for HTML and SVG, because a guest can write markup into the log. */
#ifndef DECODE_MARKUP_H
#define DECODE_MARKUP_H

#include <stddef.h>
#include <stdio.h>

void markup(FILE *out, const char *text);

/* Writes at most `most` characters, then "..." if the text is longer. */
void markup_cut(FILE *out, const char *text, size_t most);

#endif
