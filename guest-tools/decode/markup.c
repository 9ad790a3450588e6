// SPDX-License-Identifier: MIT
#include "markup.h"

#include <ctype.h>
#include <string.h>

static void put(FILE *out, unsigned char c)
{
	if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'')
		fprintf(out, "&#%u;", c);
	else
		putc(isprint(c) ? c : '?', out);
}

void markup_cut(FILE *out, const char *text, size_t most)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n && i < most; i++)
		put(out, (unsigned char)text[i]);
	if (n > most)
		fputs("...", out);
}

void markup(FILE *out, const char *text)
{
	markup_cut(out, text, strlen(text));
}
