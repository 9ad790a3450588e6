/* A text in a buffer of fixed size, with a flag for text that did not fit. */
#ifndef TRAPLINE_TEXT_H
#define TRAPLINE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* The longest value of one field: `uses` of PUSHAD and of CMPXCHG16B stay below 300. */
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

/*
 * Appends a logfmt value, in quotes if `quoted`. Bytes that would break the line, such as a newline, are replaced
 * by '.'.
 */
void text_add_value(struct text *t, const char *value, bool quoted);

/* Shortens the text to an earlier length; `cut` stays. */
void text_truncate(struct text *t, size_t length);

#endif
