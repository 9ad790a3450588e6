// SPDX-License-Identifier: MIT
#include "trace/text.h"
#include "lib/printf.h"

struct text text_on(char *buf, size_t size)
{
	if (size)
		buf[0] = '\0';
	return (struct text){.at = buf, .size = size};
}

void text_add(struct text *t, const char *fmt, ...)
{
	size_t room = t->size - t->length;
	va_list ap;
	int n;

	if (t->cut || !t->size) {
		t->cut = true;
		return;
	}
	va_start(ap, fmt);
	n = vsnprintf(t->at + t->length, room, fmt, ap);
	va_end(ap);
	t->cut = (size_t)n >= room;
	t->length += t->cut ? room - 1 : (size_t)n;
}

void text_add_part(struct text *t, const char *bytes, size_t n)
{
	size_t room = t->size ? t->size - t->length - 1 : 0;
	char *to = t->at + t->length;

	if (t->cut)
		return;
	t->cut = n > room;
	if (t->cut)
		n = room;
	if (!t->size)
		return;
	t->length += n;
	for (; n >= 8; n -= 8, to += 8, bytes += 8)
		__builtin_memcpy(to, bytes, 8);
	while (n--)
		*to++ = *bytes++;
	*to = '\0';
}

void text_add_decimal(struct text *t, uint64_t value)
{
	char digits[20]; /* 2^64 - 1 */
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	text_add_part(t, digits + at, sizeof(digits) - at);
}

static const char hex_digits[] = "0123456789abcdef";

void text_add_hex(struct text *t, uint64_t value)
{
	char digits[18];
	size_t at = sizeof(digits);

	do {
		digits[--at] = hex_digits[value & 15];
		value >>= 4;
	} while (value);
	digits[--at] = 'x';
	digits[--at] = '0';
	text_add_part(t, digits + at, sizeof(digits) - at);
}

void text_add_bytes(struct text *t, const uint8_t *bytes, size_t n)
{
	for (; n--; bytes++) {
		char pair[] = {hex_digits[*bytes >> 4], hex_digits[*bytes & 15]};

		text_add_part(t, pair, sizeof(pair));
	}
}

void text_add_escaped(struct text *t, const char *value)
{
	for (; *value; value++) {
		char pair[] = {'\\', *value >= ' ' && *value < 0x7f ? *value : '.'};
		bool escaped = *value == '"' || *value == '\\';

		text_add_part(t, pair + !escaped, 1 + escaped);
	}
}

void text_add_quoted(struct text *t, const char *value)
{
	text_add_string(t, "\"");
	text_add_escaped(t, value);
	text_add_string(t, "\"");
}

void text_truncate(struct text *t, size_t length)
{
	if (!t->size || length >= t->size)
		return;
	t->length = length;
	t->at[length] = '\0';
}
