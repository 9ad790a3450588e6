// SPDX-License-Identifier: MIT
/*
 * Freestanding functions of the C library: those that the compiler may call and those that the VMM needs. Host
 * tests use libc's.
 */
#ifndef TRAPLINE_STRING_H
#define TRAPLINE_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);

#endif
