// SPDX-License-Identifier: MIT
#include "trace/fold.h"
#include <stdbool.h>

static bool is_same(const struct exit_entry *a, const struct exit_entry *b)
{
	return a->rip == b->rip && a->reason == b->reason && a->qualifier == b->qualifier;
}

/* How often the `period` entries at i repeat in a row. */
static uint32_t rounds_of(const struct fold_list *l, uint32_t i, uint32_t period)
{
	uint32_t n = 0;

	while (i + n + period < l->count && is_same(fold_entry(l, i + n), fold_entry(l, i + n + period)))
		n++;
	return n / period + 1;
}

/* The loop at entry i: `period` exits, `rounds` times. 1 and 1 if there is no loop. */
struct loop {
	uint32_t period, rounds;
};

static struct loop find_loop(const struct fold_list *l, uint32_t i)
{
	for (uint32_t period = 1; period <= FOLD_PERIOD; period++) {
		uint32_t rounds = rounds_of(l, i, period);

		if (rounds >= FOLD_ROUNDS)
			return (struct loop){period, rounds};
	}
	return (struct loop){1, 1};
}

void fold_walk(const struct fold_list *l, fold_taker *take, void *context)
{
	for (uint32_t i = 0; i < l->count;) {
		struct loop loop = find_loop(l, i);
		uint32_t last_round = loop.period * (loop.rounds - 1);

		for (uint32_t k = i; k < i + loop.period; k++) {
			struct fold_line line = {
				fold_entry(l, k), fold_entry(l, k + last_round), loop.rounds};

			if (exit_entry_tsc(line.exit))
				take(context, &line);
		}
		i += loop.period * loop.rounds;
	}
}
