// SPDX-License-Identifier: MIT
/*
 * These use `rep` string instructions, the fastest and shortest copy without vector registers, eight bytes at a time: CPUs
 * without fast short strings take a step for each, and so do emulators. The compiler must not recognise a loop as the
 * function that it implements, or the function would call itself.
 */
#include "lib/string.h"
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	size_t words = n / 8, rest = n % 8;
	void *d = to;

	if (words)
		__asm__ volatile("rep movsq" : "+D"(d), "+S"(from), "+c"(words) : : "memory");
	if (rest)
		__asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(rest) : : "memory");
	return to;
}

static void copy_backwards(unsigned char *d, const unsigned char *s, size_t n)
{
	while (n--) {
		d[n] = s[n];
		__asm__ volatile("" : : : "memory"); /* see above */
	}
}

void *memmove(void *to, const void *from, size_t n)
{
	if ((uintptr_t)to - (uintptr_t)from >= n)
		return memcpy(to, from, n); /* forwards is right unless `to` lies inside `from` */
	copy_backwards(to, from, n);
	return to;
}

void *memset(void *to, int byte, size_t n)
{
	uint64_t pattern = (uint8_t)byte * 0x0101010101010101ull;
	size_t words = n / 8, rest = n % 8;
	void *d = to;

	if (words)
		__asm__ volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(pattern) : "memory");
	if (rest)
		__asm__ volatile("rep stosb" : "+D"(d), "+c"(rest) : "a"(pattern) : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

size_t strlen(const char *s)
{
	const char *end = s;

	for (; *end; end++)
		__asm__ volatile("" : : : "memory"); /* see above */
	return (size_t)(end - s);
}

int strcmp(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n && *a && *a == *b; n--, a++, b++)
		;
	return n ? (unsigned char)*a - (unsigned char)*b : 0;
}
