// SPDX-License-Identifier: MIT
/* Folds repeated exits into one line each: a loop of up to FOLD_PERIOD exits whose rounds are all the same. Pure. */
#ifndef TRAPLINE_FOLD_H
#define TRAPLINE_FOLD_H

#include "trace/history.h"

#define FOLD_PERIOD 4
#define FOLD_ROUNDS 3 /* fewer rounds are printed one by one */

/* A CPU's history. */
struct fold_list {
	const struct exit_entry *entries;
	uint32_t start, count; /* start: index of the oldest entry; count: a power of two */
};

/* Entry i, from 0, the oldest. An unused entry has a TSC of 0. */
static inline const struct exit_entry *fold_entry(const struct fold_list *l, uint32_t i)
{
	return &l->entries[(l->start + i) & (l->count - 1)];
}

/* One line: a single exit, or one exit of a loop, with its first and its last round and the number of rounds. */
struct fold_line {
	const struct exit_entry *exit, *last;
	uint32_t rounds; /* 1: not a loop */
};

/* Receives the lines, the oldest exit first. Unused entries are skipped. */
typedef void fold_taker(void *context, const struct fold_line *line);
void fold_walk(const struct fold_list *l, fold_taker *take, void *context);

#endif
