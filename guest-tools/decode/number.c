// SPDX-License-Identifier: MIT
#include "read.h"

#include <string.h>

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

static size_t digits(const char *text, int base, uint64_t *value)
{
	size_t n = 0;
	uint64_t v = 0;

	for (; digit(text[n]) < base; n++)
		if (__builtin_mul_overflow(v, (uint64_t)base, &v) ||
			__builtin_add_overflow(v, (uint64_t)digit(text[n]), &v))
			return 0;
	*value = v;
	return n;
}

size_t text_hex(const char *text, uint64_t *value)
{
	return digits(text, 16, value);
}

size_t text_number(const char *text, uint64_t *value)
{
	size_t n;

	if (strncmp(text, "0x", 2))
		return digits(text, 10, value);
	n = text_hex(text + 2, value);
	return n ? n + 2 : 0;
}
