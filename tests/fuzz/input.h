// SPDX-License-Identifier: MIT
/* Used by every fuzz target: the input, read from the front, with zeros after its end; and the checks of a text. */
#ifndef TRAPLINE_FUZZ_INPUT_H
#define TRAPLINE_FUZZ_INPUT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *input;
static size_t input_left;

static inline void input_begin(const uint8_t *data, size_t size)
{
	input = data;
	input_left = size;
}

static inline void take(void *to, size_t n)
{
	size_t part = n < input_left ? n : input_left;

	memset(to, 0, n);
	if (part)
		memcpy(to, input, part);
	input += part;
	input_left -= part;
}

static inline uint8_t take8(void)
{
	uint8_t v;

	take(&v, sizeof(v));
	return v;
}

static inline uint32_t take32(void)
{
	uint32_t v;

	take(&v, sizeof(v));
	return v;
}

static inline uint64_t take64(void)
{
	uint64_t v;

	take(&v, sizeof(v));
	return v;
}

/* The rest of the input as a separate string, so that a read beyond its NUL is caught. The caller frees it. */
static inline char *take_string(void)
{
	size_t n = input_left ? strnlen((const char *)input, input_left) : 0;
	char *text = malloc(n + 1);

	assert(text);
	take(text, n);
	text[n] = '\0';
	return text;
}

static inline bool is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

#endif
