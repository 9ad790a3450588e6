/*
 * Exits that come again and again, as one line each: a loop of up to FOLD_PERIOD exits, of which all rounds are the same. Pure.
 */
#ifndef TRAPLINE_FOLD_H
#define TRAPLINE_FOLD_H

#include "trace/history.h"

#define FOLD_PERIOD 4
#define FOLD_ROUNDS 3 /* fewer are printed one by one */

/* A CPU's history from its oldest entry on. */
struct fold_list {
	const struct exit_entry *entries;
	uint32_t start, count; /* the oldest one; a power of two */
};

/* Entry i, from 0, the oldest. One that was never used has a TSC of 0. */
static inline const struct exit_entry *fold_entry(const struct fold_list *l, uint32_t i)
{
	return &l->entries[(l->start + i) & (l->count - 1)];
}

/* One line: an exit; or one of a loop, from its first and its last round, and how many rounds there were. */
struct fold_line {
	const struct exit_entry *exit, *last;
	uint32_t rounds; /* 1: it is no loop */
};

/* Hands out the lines, the oldest exit first. Entries that were never used have none. */
typedef void fold_taker(void *context, const struct fold_line *line);
void fold_walk(const struct fold_list *l, fold_taker *take, void *context);

#endif
