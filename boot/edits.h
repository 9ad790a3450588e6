// SPDX-License-Identifier: MIT
/* How far a mistyped word is from a known one. Pure: tested on the host. */
#ifndef TRAPLINE_EDITS_H
#define TRAPLINE_EDITS_H

#include <stddef.h>

#define EDITS_WORD_MAX 24 /* longer words are far from every other one */
#define EDITS_FAR      99

/*
 * How many edits turn word a into word b: a letter more, a letter less, another letter, or two neighbours swapped.
 * Capitals count as small letters. EDITS_FAR if a word is longer than EDITS_WORD_MAX.
 */
unsigned edits(const char *a, size_t a_len, const char *b, size_t b_len);

/* How many edits of a word this long still are a slip of the hand: more, and another word may be meant. */
unsigned edits_allowed(size_t len);

#endif
