// SPDX-License-Identifier: MIT
/*
 * The freestanding library beside libc: tests/unit/build.mk compiles it with the prefix tl_ for each name, and
 * these are the matching declarations. Include it after libc's headers.
 */
#ifndef FREESTANDING_H
#define FREESTANDING_H

#include <stdarg.h>
#include <stddef.h>

void *tl_memcpy(void *restrict to, const void *restrict from, size_t n);
void *tl_memmove(void *to, const void *from, size_t n);
void *tl_memset(void *to, int byte, size_t n);
int tl_memcmp(const void *a, const void *b, size_t n);
size_t tl_strlen(const char *s);
int tl_strcmp(const char *a, const char *b);
int tl_strncmp(const char *a, const char *b, size_t n);
__attribute__((format(printf, 3, 4))) int tl_snprintf(char *buf, size_t size, const char *fmt, ...);
int tl_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);

#endif
