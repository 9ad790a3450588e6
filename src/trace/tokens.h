// SPDX-License-Identifier: MIT
/* Parses words and numbers of an operator or a configuration file. Pure. */
#ifndef TRAPLINE_TOKENS_H
#define TRAPLINE_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#define TOKENS_MAX 12

struct tokens {
	unsigned count;
	char *at[TOKENS_MAX];
	char *rest[TOKENS_MAX]; /* the original text from word i on: see tokens_split() */
	bool too_many;          /* the last word contains all further ones */
};

/*
 * Cuts `text` at its blanks, in place.
 *   copy  room for a copy of the text, to which `rest` points; NULL: no `rest`
 */
void tokens_split(struct tokens *w, char *text, char *copy);

/* The value of a hexadecimal digit; 16: it is none. */
unsigned token_digit(char c);

/* Parses a number, decimal or 0x hexadecimal, from the whole text. False: it is not a number, or has more than 64 bits. */
bool token_number(const char *text, uint64_t *value);

/* Parses LOW-HIGH, or one number, which becomes both. False if it is neither, or if HIGH is below LOW. */
bool token_range(const char *text, uint64_t *low, uint64_t *high);

/*
 * Parses exceptions as in trapline.conf: all, none, names (#PF or pf) and numbers 0 to 31, separated by
 * commas. If the first one has a sign, the list changes *mask, otherwise it replaces it. Returns false,
 * with *mask unchanged, if a word is none of these.
 */
bool token_vectors(const char *text, uint32_t *mask);

#endif
