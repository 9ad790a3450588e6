// SPDX-License-Identifier: MIT
/*
 * libFuzzer: the filter's grammar, any words. A refused text changes nothing. An accepted filter can be printed and
 * parsed again, and then lets the same records through.
 */
#include "input.h"
#include "trace/filter.h"
#include "trace/tokens.h"

#define TEXT  512
#define TICKS (1ull << 40)

static struct trap_record take_record(void)
{
	struct trap_record r;
	uint8_t shape = take8();

	take(&r, sizeof(r));
	if (shape & 1)
		r.cpl &= 3;
	if (shape & 2)
		r.type = TRAP_TYPE_EXCEPTION;
	return r;
}

static void check_limits(const struct filter *f)
{
	assert(!f->cpl.on || (f->cpl.low <= f->cpl.high && f->cpl.high <= 3));
	assert(!f->cpu.on || (f->cpu.low <= f->cpu.high && f->cpu.high <= FILTER_CPU_LAST));
	assert(f->rate <= 1000000 && !(f->error_set & f->error_clear));
}

static void check_again(const struct filter *f, const struct trap_record *r)
{
	char first[TEXT], second[TEXT], words[TEXT];
	struct text t = text_on(first, sizeof(first));
	struct filter again;
	const char *bad;

	filter_format(&t, f);
	assert(!t.cut && is_printable(first));
	filter_init(&again, take32());
	strcpy(words, first);
	assert(!filter_parse(&again, words, &bad));
	t = text_on(second, sizeof(second));
	filter_format(&t, &again);
	assert(!strcmp(first, second));
	assert(filter_match(f, r) == filter_match(&again, r));
}

/* Never more lines than the rate allows, plus one burst. */
static void check_rate(void)
{
	struct filter_rate r = {0};
	uint32_t rate = 1 + take32() % 1000000, burst = 1 + take32() % 1024;
	uint64_t second = 1 + take64() % (TICKS >> 10), start = take64() % TICKS, now = start, allowed = 0;

	for (unsigned i = 0; i < 64; i++) {
		now += take32() % (second + 1);
		allowed += filter_allow(&r, rate, burst, now, second);
	}
	if (second >= rate)
		assert(allowed <= burst + 1 + (now - start) / (second / rate));
}

static void check_words(char *text)
{
	uint64_t low = 0, high = 0, value;
	uint32_t mask = 0;

	if (token_range(text, &low, &high))
		assert(low <= high);
	if (token_number(text, &value))
		assert(token_range(text, &low, &high) && low == value && high == value);
	if (!token_vectors(text, &mask))
		assert(!mask);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct filter f, before;
	struct trap_record r;
	const char *bad = NULL, *why;
	char *text;

	input_begin(data, size);
	text = take_string();
	check_words(text);
	filter_init(&f, 0xffffbf7f);
	before = f;
	why = filter_parse(&f, text, &bad);
	assert(bad);
	r = take_record();
	if (why)
		assert(is_printable(why) && !memcmp(&f, &before, sizeof(f)));
	else
		check_again(&f, &r);
	check_limits(&f);
	check_rate();
	free(text);
	return 0;
}
