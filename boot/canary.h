/*
 * Whether memory survives a reset on this machine: each run leaves a pattern beside its black box, and the next start looks at
 * what became of it. Pure: the same source runs in the loader and in the unit tests.
 */
#ifndef TRAPLINE_CANARY_H
#define TRAPLINE_CANARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was found of the pattern; the best of several places counts. */
enum canary_seen {
	CANARY_OTHER,   /* something else: overwritten, scrambled with another key, or long without power */
	CANARY_CLEARED, /* one and the same byte throughout */
	CANARY_DECAYED, /* most of it: a moment without refresh */
	CANARY_WHOLE,
};

/*
 * What is known so far, as it is kept in a variable of the firmware's that outlasts power-off: how many starts have not found
 * anything, or an answer. It changes CANARY_STARTS times at most until there is one: each change is a write to flash.
 */
#define CANARY_FIRST    0
#define CANARY_STARTS   5
#define CANARY_SURVIVES 'S'
#define CANARY_LOST     'N'

/* words: BLACKBOX_CANARY_WORDS of them */
enum canary_seen canary_check(const uint64_t *words);

/*
 * What is known after this start.
 *   reset  the start follows a reset for certain: without it a loss says nothing, as the power may have been off
 */
uint8_t canary_learn(uint8_t known, enum canary_seen seen, bool reset);

/*
 * One line about it, without the prefix.
 *   known  what canary_learn() has returned
 *   found  there is a last run to tell
 *   mor    the firmware clears memory when a system asks for it
 */
void canary_words(char *out, size_t size, uint8_t known, enum canary_seen seen, bool found, bool mor);

#endif
