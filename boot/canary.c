// SPDX-License-Identifier: MIT
/* Whether memory survives a reset. */
#include <lib/printf.h>
#include <boot/blackbox_layout.h>
#include "canary.h"

#define BITS        (BLACKBOX_CANARY_WORDS * 64u)
#define WHOLE_WRONG 8u             /* bits: one or two memory cells may be defective */
#define DECAY_WRONG (BITS * 2 / 5) /* in noise half of the bits are wrong, within one per cent */

static bool is_uniform(const uint64_t *words)
{
	for (unsigned i = 0; i < BLACKBOX_CANARY_WORDS; i++)
		if (words[i] != (words[0] & 0xff) * 0x0101010101010101ull)
			return false;
	return true;
}

enum canary_seen canary_check(const uint64_t *words)
{
	unsigned wrong = 0;

	if (is_uniform(words))
		return CANARY_CLEARED;
	for (unsigned i = 0; i < BLACKBOX_CANARY_WORDS; i++)
		for (uint64_t bits = words[i] ^ blackbox_canary(i); bits; bits &= bits - 1)
			wrong++;
	return wrong <= WHOLE_WRONG ? CANARY_WHOLE : wrong < DECAY_WRONG ? CANARY_DECAYED : CANARY_OTHER;
}

uint8_t canary_learn(uint8_t known, enum canary_seen seen, bool reset)
{
	if (seen == CANARY_WHOLE)
		return CANARY_SURVIVES;
	if (reset || known == CANARY_LOST)
		return CANARY_LOST;
	if (known == CANARY_SURVIVES)
		return CANARY_SURVIVES;
	return known < CANARY_STARTS ? known + 1 : CANARY_STARTS;
}

static const char *what_was_there(enum canary_seen seen, bool mor)
{
	switch (seen) {
	case CANARY_CLEARED:
		return mor ? " (it was cleared; a system can ask this firmware to: MOR)"
			   : " (it was cleared)";
	case CANARY_DECAYED:
		return " (it was half decayed)";
	case CANARY_WHOLE:
		return " (but its black box did not)";
	default:
		return " (it holds something else)";
	}
}

#define NONE "black box: no report of a last run"
#define CMOS "cmos= in trapline.conf keeps the verdict where it does"

void canary_words(char *out, size_t size, uint8_t known, enum canary_seen seen, bool found, bool mor)
{
	const char *there = what_was_there(seen, mor);

	if (found)
		snprintf(out, size, "black box: memory survives a reset on this machine");
	else if (known == CANARY_SURVIVES && seen == CANARY_WHOLE)
		snprintf(out, size, NONE "; memory survives a reset on this machine%s", there);
	else if (known == CANARY_SURVIVES)
		snprintf(out, size, NONE ": the power was off; memory survives a reset on this machine%s",
			there);
	else if (known == CANARY_LOST)
		snprintf(out, size, NONE ": memory does not survive a reset on this machine%s; " CMOS, there);
	else if (known >= CANARY_STARTS)
		snprintf(out, size,
			NONE ", as always so far: memory does not survive a reset on this machine, or the "
			     "power was "
			     "off each time%s; " CMOS,
			there);
	else if (known > 1)
		snprintf(out, size,
			NONE ": the power was off, or memory did not survive%s; whether it survives a reset "
			     "on this "
			     "machine is not known yet",
			there);
	else
		snprintf(out, size,
			NONE
			"; whether memory survives a reset on this machine is not known yet (first start)");
}
