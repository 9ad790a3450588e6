// SPDX-License-Identifier: MIT
/* The distance of two words: the table of the optimal string alignment, of which three rows are kept. */
#include "edits.h"

#include <stdbool.h>

#define ROWS 3

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static bool same(char a, char b)
{
	if (a >= 'A' && a <= 'Z')
		a = (char)(a - 'A' + 'a');
	if (b >= 'A' && b <= 'Z')
		b = (char)(b - 'A' + 'a');
	return a == b;
}

/* Row i + 1: the distances of the first i + 1 letters of a from each beginning of b. */
static void next_row(
	unsigned row[ROWS][EDITS_WORD_MAX + 1], const char *a, size_t i, const char *b, size_t b_len)
{
	unsigned *now = row[(i + 1) % ROWS], *before = row[i % ROWS], *swapped = row[(i + 2) % ROWS];

	now[0] = (unsigned)i + 1;
	for (size_t j = 0; j < b_len; j++) {
		unsigned other = before[j] + !same(a[i], b[j]);

		now[j + 1] = least(other, least(before[j + 1], now[j]) + 1);
		if (i && j && same(a[i], b[j - 1]) && same(a[i - 1], b[j]))
			now[j + 1] = least(now[j + 1], swapped[j - 1] + 1);
	}
}

unsigned edits(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned row[ROWS][EDITS_WORD_MAX + 1];

	if (a_len > EDITS_WORD_MAX || b_len > EDITS_WORD_MAX)
		return EDITS_FAR;
	for (size_t j = 0; j <= b_len; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 0; i < a_len; i++)
		next_row(row, a, i, b, b_len);
	return row[a_len % ROWS][b_len];
}

unsigned edits_allowed(size_t len)
{
	return len < 3 ? 0 : len < 7 ? 1 : 2;
}
