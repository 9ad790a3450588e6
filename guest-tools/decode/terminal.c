// SPDX-License-Identifier: MIT
#include "terminal.h"

#include <stdint.h>
#include <string.h>

#define ESCAPE 0x1b
#define DELETE 0x7f

/* The length of a colour at the beginning (ECMA-48 8.3.117: SGR), or 0. */
static size_t color_length(const unsigned char *s, size_t n)
{
	size_t i = 2;

	if (n < 3 || s[0] != ESCAPE || s[1] != '[')
		return 0;
	while (i < n && ((s[i] >= '0' && s[i] <= '9') || s[i] == ';'))
		i++;
	return i < n && s[i] == 'm' ? i + 1 : 0;
}

/* The length of a character according to its first byte (RFC 3629 3), or 0. */
static size_t announced(unsigned char c)
{
	if (c >= 0xc2 && c <= 0xdf)
		return 2;
	if ((c & 0xf0) == 0xe0)
		return 3;
	return c >= 0xf0 && c <= 0xf4 ? 4 : 0;
}

/* The length of a character of several bytes at the beginning, or 0. C1 controls (0x80 to 0x9f) and overlong forms do not count. */
static size_t character_length(const unsigned char *s, size_t n)
{
	static const uint32_t least[] = {0, 0, 0xa0, 0x800, 0x10000};
	size_t length = announced(s[0]);
	uint32_t code = s[0] & (0xff >> (length + 1));

	if (!length || length > n)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	return code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? 0 : length;
}

static size_t shown_length(const unsigned char *s, size_t n)
{
	if (*s == '\t' || (*s >= ' ' && *s < DELETE))
		return 1;
	return *s == ESCAPE ? color_length(s, n) : character_length(s, n);
}

void terminal_put(FILE *out, const char *bytes, size_t length)
{
	const unsigned char *s = (const unsigned char *)bytes;

	for (size_t i = 0, n; i < length; i += n) {
		n = shown_length(s + i, length - i);
		if (n) {
			fwrite(s + i, 1, n, out);
			continue;
		}
		n = 1;
		if (s[i] <= DELETE)
			fprintf(out, "^%c", s[i] ^ 0x40);
		else
			fprintf(out, "\\x%02x", s[i]);
	}
}
