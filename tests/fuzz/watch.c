// SPDX-License-Identifier: MIT
/*
 * libFuzzer: the grammar of watches, any words. A refused text changes nothing and says why. An accepted watch is within the limits, and
 * its words, written and parsed again, make the same watch, which hits the same accesses.
 */
#include "input.h"
#include "watch/watch.h"

static void check_limits(const struct watch_spec *s)
{
	assert(s->space < WATCH_SPACES && s->access &&
		s->access <= (WATCH_READ | WATCH_WRITE | WATCH_EXECUTE));
	assert(s->action < WATCH_ACTION_COUNT && s->rate <= WATCH_RATE_MAX && s->first <= s->last);
	if (s->space == WATCH_REGISTER)
		assert(s->reg && s->reg < WATCH_REGISTER_COUNT && !(s->access & WATCH_EXECUTE));
	else
		assert(!s->reg && !s->mask && !s->msr);
	assert(s->space == WATCH_LINEAR || !s->cr3);
}

static void check_again(const struct watch_spec *s)
{
	char first[WATCH_TEXT_MAX], second[WATCH_TEXT_MAX], words[WATCH_TEXT_MAX];
	struct text t = text_on(first, sizeof(first));
	struct watch_spec again;
	const char *bad;

	watch_format(&t, s);
	assert(!t.cut && is_printable(first));
	strcpy(words, first);
	assert(!watch_parse(&again, words, &bad));
	t = text_on(second, sizeof(second));
	watch_format(&t, &again);
	assert(!strcmp(first, second));
	assert(again.space == s->space && again.access == s->access && again.action == s->action &&
		again.reg == s->reg && again.msr == s->msr && again.rate == s->rate &&
		again.first == s->first && again.last == s->last && again.cr3 == s->cr3 &&
		again.mask == s->mask);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct watch_spec s, before;
	const char *bad = NULL, *why;
	char *text;

	input_begin(data, size);
	text = take_string();
	memset(&s, 0, sizeof(s));
	before = s;
	why = watch_parse(&s, text, &bad);
	assert(bad);
	if (why) {
		assert(is_printable(why) && !memcmp(&s, &before, sizeof(s)));
	} else {
		check_limits(&s);
		check_again(&s);
	}
	free(text);
	return 0;
}
