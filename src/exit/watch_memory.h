// SPDX-License-Identifier: MIT
/* Watches of memory: the rights that are taken in its pages. */
#ifndef TRAPLINE_WATCH_MEMORY_H
#define TRAPLINE_WATCH_MEMORY_H

#include "cpu/cpu.h"

/*
 * The part of watch_changed() for memory. Returns NULL, or why a watch cannot be had.
 *   cpu  this CPU; NULL: no CPU runs the guest yet
 */
const char *watch_memory_changed(struct cpu *cpu);

#endif
