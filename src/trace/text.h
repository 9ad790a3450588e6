/* A text that grows in a buffer of fixed size and knows when it did not fit. */
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
	bool cut;      /* something did not fit */
};

/* An empty text in `size` bytes at `buf`. */
struct text text_on(char *buf, size_t size);

/* Appends as snprintf does. What does not fit is cut off, and so is all that follows. */
__attribute__((format(printf, 2, 3))) void text_add(struct text *t, const char *fmt, ...);

/* Appends a logfmt value: quoted on request, bytes that would break the line replaced by '.', never a
 * newline. */
void text_add_value(struct text *t, const char *value, bool quoted);

/* Goes back to an earlier length; `cut` stays. */
void text_truncate(struct text *t, size_t length);

#endif
