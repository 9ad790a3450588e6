// SPDX-License-Identifier: MIT
/*
 * libFuzzer: a file for `trapctl bench --against`, any bytes. It is refused, or its numbers are ordered and finite, its lines can be
 * printed, and the same run is read from what is written of it.
 */
#include "input.h"
#include "../../guest-tools/trapctl/bench.h"

#include <stdlib.h>

static char text[1 << 16];
static size_t length;

static void take_line(void *to, const char *line)
{
	size_t n = strlen(line);

	(void)to;
	for (size_t i = 0; i < n; i++)
		assert(line[i] >= ' ' && line[i] <= '~');
	assert(length + n + 1 < sizeof(text));
	memcpy(text + length, line, n);
	length += n;
	text[length++] = '\n';
}

static void check_numbers(const struct bench *b)
{
	for (unsigned unit = 0; unit < BENCH_UNITS; unit++)
		for (unsigned kind = 0; kind < BENCH_COUNT; kind++) {
			const struct bench_spread *s = &b->spread[unit][kind];

			assert(s->median == 0 || (s->min >= 0.1 && s->min <= s->low && s->low <= s->median &&
							 s->median <= s->high && s->high <= 1e12));
		}
}

static const char *read_bytes(const void *bytes, size_t size, struct bench *b)
{
	FILE *in = fmemopen((void *)(uintptr_t)bytes, size, "r");
	const char *wrong = bench_read(in, b);

	fclose(in);
	return wrong;
}

static void check_again(const struct bench *b)
{
	static struct bench again;

	length = 0;
	bench_write(b, take_line, NULL);
	assert(!read_bytes(text, length, &again));
	for (unsigned i = 0; i < BENCH_TEXTS_COUNT; i++)
		assert(!strcmp(b->text[i], again.text[i]));
	assert(b->cpu == again.cpu && b->rounds == again.rounds && b->weak_count == again.weak_count);
	assert(!memcmp(b->weak, again.weak, b->weak_count * sizeof(*b->weak)));
	length = 0;
	bench_compare(b, &again, take_line, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bench b;

	if (!size || read_bytes(data, size, &b))
		return 0;
	check_numbers(&b);
	check_again(&b);
	return 0;
}
