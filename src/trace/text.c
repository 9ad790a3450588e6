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

/* A part that does not fit with its NUL. Returns the number of its bytes that do. */
__attribute__((noinline)) static size_t add_cut(struct text *t, size_t n)
{
	size_t room = t->size && !t->cut ? t->size - t->length - 1 : 0;

	t->cut = t->cut || n > room;
	return n < room ? n : room;
}

/* Most parts are short. The last bytes of a longer one are copied twice, which is faster than one by one. */
static inline void copy(char *to, const char *from, size_t n)
{
	const char *last = from + n;
	char *end = to + n;

	for (; n > 16; n -= 8, to += 8, from += 8)
		__builtin_memcpy(to, from, 8);
	if (n >= 8) {
		__builtin_memcpy(to, from, 8);
		__builtin_memcpy(end - 8, last - 8, 8);
	} else if (n >= 4) {
		__builtin_memcpy(to, from, 4);
		__builtin_memcpy(end - 4, last - 4, 4);
	} else if (n) {
		to[0] = from[0];
		to[n / 2] = from[n / 2];
		end[-1] = last[-1];
	}
}

void text_add_part(struct text *t, const char *bytes, size_t n)
{
	char *to = t->at + t->length;

	if (t->cut || n >= t->size - t->length) {
		n = add_cut(t, n);
		if (!n)
			return;
	}
	t->length += n;
	copy(to, bytes, n);
	to[n] = '\0';
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

/* The digits of a number as characters, all at once: a nibble for each byte, the highest in front. */
static uint64_t eight_digits(uint32_t value)
{
	uint64_t x = value;

	x = (x | x << 16) & 0x0000ffff0000ffff;
	x = (x | x << 8) & 0x00ff00ff00ff00ff;
	x = (x | x << 4) & 0x0f0f0f0f0f0f0f0f;
	/* a nibble from 10 on has a carry to bit 4 with 6 added */
	x += 0x3030303030303030 + ((x + 0x0606060606060606) >> 4 & 0x0101010101010101) * ('a' - '0' - 10);
	return __builtin_bswap64(x);
}

#define HEX_DIGITS 16

void text_add_hex_padded(struct text *t, uint64_t value, unsigned least)
{
	unsigned n = (67 - (unsigned)__builtin_clzll(value | 1)) / 4;
	uint64_t low = eight_digits((uint32_t)value), high = 0;
	char digits[2 + HEX_DIGITS], *begin;

	if (value >> 32 || least > 8)
		high = eight_digits((uint32_t)(value >> 32));
	if (n < least)
		n = least;
	__builtin_memcpy(digits + 2, &high, 8);
	__builtin_memcpy(digits + 10, &low, 8);
	begin = digits + HEX_DIGITS - n;
	begin[0] = '0';
	begin[1] = 'x';
	text_add_part(t, begin, n + 2);
}

void text_add_hex(struct text *t, uint64_t value)
{
	text_add_hex_padded(t, value, 1);
}

static void add_digits(struct text *t, uint32_t value, size_t n)
{
	uint64_t digits = eight_digits(value);

	text_add_part(t, (const char *)&digits, n);
}

void text_add_bytes(struct text *t, const uint8_t *bytes, size_t n)
{
	for (; n >= 4; n -= 4, bytes += 4) {
		uint32_t four;

		__builtin_memcpy(&four, bytes, 4);
		add_digits(t, __builtin_bswap32(four), 8);
	}
	for (; n; n--, bytes++)
		add_digits(t, (uint32_t)*bytes << 24, 2);
}

static bool is_plain(char c)
{
	return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

static void add_special(struct text *t, char c)
{
	char pair[] = {'\\', c >= ' ' && c < 0x7f ? c : '.'};
	bool escaped = c == '"' || c == '\\';

	text_add_part(t, pair + !escaped, 1 + escaped);
}

void text_add_escaped(struct text *t, const char *value)
{
	while (*value) {
		const char *from = value;

		while (is_plain(*value))
			value++;
		text_add_part(t, from, (size_t)(value - from));
		if (*value)
			add_special(t, *value++);
	}
}

void text_add_quoted(struct text *t, const char *value)
{
	text_add_char(t, '"');
	text_add_escaped(t, value);
	text_add_char(t, '"');
}

void text_truncate(struct text *t, size_t length)
{
	if (!t->size || length >= t->size)
		return;
	t->length = length;
	t->at[length] = '\0';
}
