// SPDX-License-Identifier: MIT
/* Watches of memory: the rights that are taken in its pages. */
#ifndef TRAPLINE_WATCH_MEMORY_H
#define TRAPLINE_WATCH_MEMORY_H

#include "cpu/cpu.h"

/*
 * The part of watch_changed() for memory. Returns NULL, or why the new watch cannot be had.
 *   cpu     this CPU; NULL: no CPU runs the guest yet
 *   new_id  of the watch that is being added; 0: none
 */
const char *watch_memory_changed(struct cpu *cpu, uint16_t new_id);

#endif
