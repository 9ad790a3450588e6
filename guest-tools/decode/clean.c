// SPDX-License-Identifier: MIT
/* Turns lines into what a terminal would show: without colours, and with the editing of the console's line carried out. */
#include "read.h"

#include <string.h>

#define ESCAPE 0x1b
#define BELL   0x07

/* Returns the end of an escape sequence (ECMA-48 5.4: CSI; 5.6: OSC and the like), or of the part of it that is there. */
static size_t skip_escape(const char *s, size_t n)
{
	size_t i = 2;

	if (n < 2)
		return n;
	if (s[1] == '[') {
		while (i < n && (s[i] < 0x40 || s[i] > 0x7e))
			i++;
		return i < n ? i + 1 : n;
	}
	if (s[1] == ']' || s[1] == 'P' || s[1] == '^' || s[1] == '_') {
		while (i < n && s[i] != BELL && s[i] != ESCAPE)
			i++;
		if (i < n && s[i] == ESCAPE)
			i++;
		return i < n ? i + 1 : n;
	}
	return 2;
}

size_t clean_line(char *out, const char *line, size_t length)
{
	size_t n = 0;

	for (size_t i = 0; i < length;) {
		unsigned char c = (unsigned char)line[i];

		if (c == ESCAPE) {
			i += skip_escape(line + i, length - i);
			continue;
		}
		if (c == '\b' && n)
			n--;
		else if (c == '\t' || (c >= ' ' && c < 0x7f))
			out[n++] = c == '\t' ? ' ' : (char)c;
		else if (c >= 0x80)
			out[n++] = '?';
		i++;
	}
	out[n] = '\0';
	return n;
}
