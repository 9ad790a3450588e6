// SPDX-License-Identifier: MIT
/* The search for the slide of the guest's kernel, in slices: a kernel has some hundred thousand functions. */
#ifndef TRAPLINE_NAMES_SEARCH_H
#define TRAPLINE_NAMES_SEARCH_H

#include "cpu/cpu.h"

/* Begins a search if the state of this CPU calls for one. Until it is over the CPU prints no records, so that their addresses have names. */
bool names_search_begin(struct cpu *cpu);

/* Whether the search that is under way is this CPU's. */
bool names_search_rests(const struct cpu *cpu);

/* The next slice. False: this CPU has none. */
bool names_search_serve(struct cpu *cpu);

#endif
