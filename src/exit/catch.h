// SPDX-License-Identifier: MIT
/*
 * Stops all CPUs when a recorded exception matches a filter: at the instruction that raised it, before the guest's handler is entered.
 * Only exceptions that are intercepted can be caught.
 */
#ifndef TRAPLINE_CATCH_H
#define TRAPLINE_CATCH_H

#include "cpu/cpu.h"
#include "trace/filter.h"

/* One CPU at a time calls it, and record_note_all() afterwards. NULL: nothing is caught. */
void catch_set(const struct filter *f);

/* The vectors that may be caught; for record.c. */
extern _Atomic uint32_t catch_vectors;

/* An exception was recorded, and has not been delivered. Stops the CPU if it is caught. */
void catch_look(struct cpu *cpu, const struct trap_record *r);

#endif
