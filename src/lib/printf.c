// SPDX-License-Identifier: MIT
#include "lib/printf.h"
#include <stdbool.h>
#include <stdint.h>
#include "lib/string.h"

/* The output. `length` counts beyond `size` too, because it is the result. */
struct output {
	char *buf;
	size_t size;
	size_t length;
};

/* One conversion: the part between '%' and its letter. */
struct spec {
	bool left;
	bool zero;
	size_t width;
	bool has_precision;
	size_t precision;
	unsigned longs; /* number of l flags; z counts as one */
};

static void put(struct output *s, char c)
{
	if (s->length + 1 < s->size)
		s->buf[s->length] = c;
	s->length++;
}

static void put_bytes(struct output *s, const char *bytes, size_t n)
{
	size_t room = s->length + 1 < s->size ? s->size - 1 - s->length : 0;

	if (room)
		memcpy(s->buf + s->length, bytes, n < room ? n : room);
	s->length += n;
}

static void pad(struct output *s, char c, size_t n)
{
	while (n--)
		put(s, c);
}

/* Writes `text` with its sign or "0x": padding zeros go after the sign, blanks before it or after the text. */
static void put_field(
	struct output *s, const struct spec *spec, const char *prefix, const char *text, size_t length)
{
	size_t taken = length;
	size_t blanks;

	for (const char *p = prefix; *p; p++)
		taken++;
	blanks = spec->width > taken ? spec->width - taken : 0;
	if (!spec->left && !spec->zero)
		pad(s, ' ', blanks);
	for (; *prefix; prefix++)
		put(s, *prefix);
	if (!spec->left && spec->zero)
		pad(s, '0', blanks);
	put_bytes(s, text, length);
	if (spec->left)
		pad(s, ' ', blanks);
}

static void put_number(
	struct output *s, const struct spec *spec, const char *prefix, uint64_t value, unsigned base)
{
	char digits[20]; /* 2^64 - 1 in decimal */
	size_t at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	put_field(s, spec, prefix, digits + at, sizeof(digits) - at);
}

static void put_string(struct output *s, struct spec *spec, const char *text)
{
	size_t length = 0;

	if (!text)
		text = "(null)";
	while ((!spec->has_precision || length < spec->precision) && text[length])
		length++;
	spec->zero = false;
	put_field(s, spec, "", text, length);
}

static const char *read_number(const char *fmt, size_t *n)
{
	for (*n = 0; *fmt >= '0' && *fmt <= '9'; fmt++)
		*n = *n * 10 + (size_t)(*fmt - '0');
	return fmt;
}

static size_t star(va_list *ap, bool *negative)
{
	int n = va_arg(*ap, int);

	*negative = n < 0;
	return n < 0 ? 0u - (unsigned)n : (unsigned)n;
}

static const char *read_flags(struct spec *spec, const char *fmt)
{
	for (;; fmt++) {
		if (*fmt == '-')
			spec->left = true;
		else if (*fmt == '0')
			spec->zero = true;
		else
			return fmt;
	}
}

static const char *read_width(struct spec *spec, const char *fmt, va_list *ap)
{
	bool negative;

	if (*fmt != '*')
		return read_number(fmt, &spec->width);
	spec->width = star(ap, &negative);
	spec->left |= negative;
	return fmt + 1;
}

static const char *read_precision(struct spec *spec, const char *fmt, va_list *ap)
{
	bool negative = false;

	if (*fmt != '.')
		return fmt;
	if (*++fmt == '*') {
		spec->precision = star(ap, &negative);
		fmt++;
	} else {
		fmt = read_number(fmt, &spec->precision);
	}
	spec->has_precision = !negative;
	return fmt;
}

/* Parses the part between '%' and the letter; returns a pointer to the letter. */
static const char *read_spec(struct spec *spec, const char *fmt, va_list *ap)
{
	*spec = (struct spec){0};
	fmt = read_flags(spec, fmt);
	fmt = read_width(spec, fmt, ap);
	fmt = read_precision(spec, fmt, ap);
	for (; *fmt == 'l' || *fmt == 'z'; fmt++)
		spec->longs++;
	return fmt;
}

static uint64_t unsigned_arg(const struct spec *spec, va_list *ap)
{
	return spec->longs ? va_arg(*ap, uint64_t) : va_arg(*ap, unsigned);
}

static void put_signed(struct output *s, const struct spec *spec, va_list *ap)
{
	int64_t v = spec->longs ? va_arg(*ap, int64_t) : va_arg(*ap, int);

	put_number(s, spec, v < 0 ? "-" : "", v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10);
}

static void convert(struct output *s, struct spec *spec, char letter, va_list *ap)
{
	char c;

	switch (letter) {
	case 'd':
		put_signed(s, spec, ap);
		break;
	case 'u':
		put_number(s, spec, "", unsigned_arg(spec, ap), 10);
		break;
	case 'x':
		put_number(s, spec, "", unsigned_arg(spec, ap), 16);
		break;
	case 'p':
		put_number(s, spec, "0x", (uintptr_t)va_arg(*ap, void *), 16);
		break;
	case 'c':
		c = (char)va_arg(*ap, int);
		spec->zero = false;
		put_field(s, spec, "", &c, 1);
		break;
	case 's':
		put_string(s, spec, va_arg(*ap, const char *));
		break;
	default: /* %% and unsupported letters */
		put(s, letter);
	}
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	struct output s = {buf, size, 0};
	struct spec spec;
	va_list ap;

	/* A copy: va_list is an array type here, and a parameter of it has no address of the right type. */
	va_copy(ap, args);
	for (;;) {
		const char *from = fmt;

		while (*fmt && *fmt != '%')
			fmt++;
		put_bytes(&s, from, (size_t)(fmt - from));
		if (!*fmt)
			break;
		fmt = read_spec(&spec, fmt + 1, &ap);
		if (!*fmt)
			break;
		convert(&s, &spec, *fmt++, &ap);
	}
	va_end(ap);
	if (size)
		buf[s.length < size ? s.length : size - 1] = '\0';
	return (int)s.length;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}
