/* Text within HTML and SVG. Whatever a guest has written into its log stays text. */
#ifndef DECODE_MARKUP_H
#define DECODE_MARKUP_H

#include <stddef.h>
#include <stdio.h>

void markup(FILE *out, const char *text);

/* No more than `most` characters of it, "..." behind them where it is longer. */
void markup_cut(FILE *out, const char *text, size_t most);

#endif
