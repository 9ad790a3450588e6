// SPDX-License-Identifier: MIT
/*
 * Whether memory survives a reset on this machine. Each run leaves a pattern beside its black box, and the next start checks
 * the pattern. Pure: the same source runs in the loader and in the unit tests.
 */
#ifndef TRAPLINE_CANARY_H
#define TRAPLINE_CANARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The state in which the pattern was found; the best of several places counts. */
enum canary_seen {
	CANARY_OTHER,   /* something else: overwritten, scrambled with another key, or long without power */
	CANARY_CLEARED, /* one and the same byte throughout */
	CANARY_DECAYED, /* most of it is right: memory was without refresh for a moment */
	CANARY_WHOLE,
};

/*
 * What is known so far: an answer, or how many starts have found nothing. It is stored in a firmware variable that survives
 * power-off. Until there is an answer it changes CANARY_STARTS times at most, because each change is a write to flash.
 */
#define CANARY_FIRST    0
#define CANARY_STARTS   5
#define CANARY_SURVIVES 'S'
#define CANARY_LOST     'N'

/* words: BLACKBOX_CANARY_WORDS words, read from one of the places */
enum canary_seen canary_check(const uint64_t *words);

/*
 * Returns what is known after this start.
 *   known  what was known before
 *   seen   how the pattern was found
 *   reset  a reset certainly preceded this start; otherwise the power may have been off, and a loss proves nothing
 */
uint8_t canary_learn(uint8_t known, enum canary_seen seen, bool reset);

/*
 * Writes one line about the result, without the prefix.
 *   known  the result of canary_learn()
 *   found  a black box of the last run was found
 *   mor    the firmware clears memory at the request of an operating system
 */
void canary_words(char *out, size_t size, uint8_t known, enum canary_seen seen, bool found, bool mor);

#endif
