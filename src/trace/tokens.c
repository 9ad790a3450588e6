// SPDX-License-Identifier: MIT
#include "trace/tokens.h"
#include <stddef.h>
#include "lib/string.h"
#include "trace/vector.h"

void tokens_split(struct tokens *w, char *text, char *copy)
{
	char *start = text;

	*w = (struct tokens){0};
	if (copy)
		memcpy(copy, text, strlen(text) + 1);
	for (;;) {
		while (*text == ' ')
			text++;
		if (!*text)
			return;
		if (w->count == TOKENS_MAX) {
			w->too_many = true;
			return;
		}
		w->rest[w->count] = copy ? copy + (text - start) : NULL;
		w->at[w->count++] = text;
		while (*text && *text != ' ')
			text++;
		if (*text)
			*text++ = '\0';
	}
}

unsigned token_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	return c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10 : 16;
}

static bool number(const char *text, size_t n, uint64_t *value)
{
	bool hex = n > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	uint64_t base = hex ? 16 : 10, v = 0;

	for (size_t i = hex ? 2 : 0; i < n; i++) {
		unsigned d = token_digit(text[i]);

		if (d >= base || v > (UINT64_MAX - d) / base)
			return false;
		v = v * base + d;
	}
	*value = v;
	return n > 0;
}

bool token_number(const char *text, uint64_t *value)
{
	return number(text, strlen(text), value);
}

bool token_range(const char *text, uint64_t *low, uint64_t *high)
{
	size_t n = 0;

	while (text[n] && text[n] != '-')
		n++;
	if (!number(text, n, low))
		return false;
	if (!text[n])
		*high = *low;
	else if (!token_number(text + n + 1, high))
		return false;
	return *low <= *high;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same_name(const char *text, size_t n, const char *name)
{
	size_t i = 0;

	if (n && text[0] == '#')
		text++, n--;
	if (name[0] == '#')
		name++;
	while (i < n && lower(text[i]) == lower(name[i]))
		i++;
	return n && i == n && !name[i];
}

/* The bits of one word without its sign; false: the word is not a vector. */
static bool vector_bits(const char *text, size_t n, uint32_t *bits)
{
	uint64_t value;

	*bits = 0;
	if (same_name(text, n, "all"))
		*bits = UINT32_MAX;
	else if (number(text, n, &value) && value < VECTOR_COUNT)
		*bits = 1u << value;
	else if (!same_name(text, n, "none"))
		for (unsigned v = 0; v < VECTOR_COUNT && !*bits; v++)
			*bits = (uint32_t)same_name(text, n, vector_table[v].mnemonic) << v;
	return *bits || same_name(text, n, "none");
}

bool token_vectors(const char *text, uint32_t *mask)
{
	uint32_t result = *text == '+' || *text == '-' ? *mask : 0, bits;

	do {
		char sign = *text == '-' ? '-' : '+';
		size_t n = 0;

		text += *text == '+' || *text == '-';
		while (text[n] && text[n] != ',')
			n++;
		if (!vector_bits(text, n, &bits))
			return false;
		result = sign == '-' ? result & ~bits : result | bits;
		text += n;
	} while (*text++ == ',');
	*mask = result;
	return true;
}
