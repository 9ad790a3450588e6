/* Words and numbers as an operator or a configuration file writes them. Pure. */
#ifndef TRAPLINE_TOKENS_H
#define TRAPLINE_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#define TOKENS_MAX 12

struct tokens {
	unsigned count;
	char *at[TOKENS_MAX];
	char *rest[TOKENS_MAX]; /* the text from word i on, as it was: see tokens_split() */
	bool too_many;          /* the last word holds all that follow */
};

/*
 * Cuts `text` at its blanks, in place. Copies it before into `copy`, as large as text, for `rest` to point into; NULL: there
 * is no `rest`.
 */
void tokens_split(struct tokens *w, char *text, char *copy);

/* Decimal or 0x hexadecimal, all of the text. False: it is none, or does not fit 64 bits. */
bool token_number(const char *text, uint64_t *value);

/* LOW-HIGH or one number, which is both. False as well where HIGH is below LOW. */
bool token_range(const char *text, uint64_t *low, uint64_t *high);

/*
 * Exceptions, as trapline.conf has them: all, none, names (#PF or pf) and numbers 0 to 31, separated by
 * commas. With a sign in front of the first one, the list changes *mask; without one it replaces it. False,
 * with *mask unchanged, where a word is none of these.
 */
bool token_vectors(const char *text, uint32_t *mask);

#endif
