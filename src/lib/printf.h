// SPDX-License-Identifier: MIT
/*
 * A freestanding snprintf: %s %c %d %u %x %p with l, ll and z, field width, '0' and '-' flags, precision for %s,
 * and %%. Nothing else, and no floating point. The compiler checks the formats. Host tests use libc's.
 */
#ifndef TRAPLINE_PRINTF_H
#define TRAPLINE_PRINTF_H

#include <stdarg.h>
#include <stddef.h>

/*
 * Results as in C17 7.21.6.5: returns the length that the text would have without the limit. The text is always
 * terminated if size > 0.
 */
__attribute__((format(printf, 3, 4))) int snprintf(char *buf, size_t size, const char *fmt, ...);
int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);

#endif
