// SPDX-License-Identifier: MIT
/* A text in a buffer of fixed size, with a flag for text that did not fit. */
#ifndef TRAPLINE_TEXT_H
#define TRAPLINE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for any name that stands in a line. */
#define TEXT_VALUE_MAX 320

struct text {
	char *at;
	size_t size;
	size_t length; /* without the NUL; below size, unless size is 0 */
	bool cut;      /* a part did not fit */
};

/* Starts an empty text in `size` bytes at `buf`. */
struct text text_on(char *buf, size_t size);

/* Appends like snprintf. A part that does not fit is cut off, and so is everything after it. */
__attribute__((format(printf, 2, 3))) void text_add(struct text *t, const char *fmt, ...);

/* Appends `n` bytes as they are, or as many as fit. */
void text_add_part(struct text *t, const char *bytes, size_t n);

static inline void text_add_char(struct text *t, char c)
{
	if (t->cut || t->size - t->length <= 1) {
		text_add_part(t, &c, 1);
		return;
	}
	t->at[t->length++] = c;
	t->at[t->length] = '\0';
}

/*
 * The same without a format, for lines that the guest waits for: a string, which is %s; a number as %llu and as 0x%llx; bytes
 * as %02x each.
 */
static inline void text_add_string(struct text *t, const char *s)
{
	text_add_part(t, s, __builtin_strlen(s)); /* the length of a literal is a constant */
}
void text_add_decimal(struct text *t, uint64_t value);
void text_add_hex(struct text *t, uint64_t value);
void text_add_hex_padded(struct text *t, uint64_t value, unsigned least); /* least: 1 to 16 digits */
void text_add_bytes(struct text *t, const uint8_t *bytes, size_t n);

/* Appends what a quoted logfmt value holds: '"' and '\\' are escaped, bytes that would break the line are replaced by '.'. */
void text_add_escaped(struct text *t, const char *value);

/* The same with its quotes. */
void text_add_quoted(struct text *t, const char *value);

/* Shortens the text to an earlier length; `cut` stays. */
void text_truncate(struct text *t, size_t length);

#endif
