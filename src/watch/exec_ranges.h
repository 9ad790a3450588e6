// SPDX-License-Identifier: MIT
/*
 * The linear ranges that supervisor code may be in: those of the one watch "exec supervisor outside=RANGES", and what `watch allow` has
 * added to them before or since. Changed with the other CPUs held, so that a reader needs no lock. Pure.
 */
#ifndef TRAPLINE_EXEC_RANGES_H
#define TRAPLINE_EXEC_RANGES_H

#include <stdbool.h>
#include <stdint.h>
#include "watch/watch.h"

#define EXEC_RANGES_MAX 1024

/* Whether `allow` would find room for so many more. */
bool exec_ranges_fit(unsigned n);

void exec_ranges_clear(void);

/* Adds a range. Ranges that touch each other become one. The caller knows that it fits. */
void exec_ranges_allow(const struct watch_range *r);

/* Takes a range away, which may cut others in two. */
void exec_ranges_forbid(const struct watch_range *r);

bool exec_ranges_have(uint64_t address);

unsigned exec_ranges_count(void);

#endif
