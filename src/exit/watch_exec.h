// SPDX-License-Identifier: MIT
/*
 * The watch "exec supervisor outside=RANGES": supervisor code outside of linear ranges is recorded when a page of it is executed first,
 * and again when the page has other contents.
 *
 * No page can be executed at first (stage2/exec.h). The exit of the first fetch opens the page: for user mode and inside of the ranges without
 * a record, otherwise with one. A store to an open page exits, and closes it.
 */
#ifndef TRAPLINE_WATCH_EXEC_H
#define TRAPLINE_WATCH_EXEC_H

#include "cpu/cpu.h"
#include "watch/watch.h"

/*
 * The part of watch_changed() for this watch.
 *   cpu  this CPU; NULL: no CPU runs the guest yet
 */
void watch_exec_changed(struct cpu *cpu);

/* Deletes this watch, if there is one. Only this CPU runs the guest. The caller flushes. */
void watch_exec_end(void);

enum exec_exit {
	EXEC_NOT_MINE,
	EXEC_CHANGED, /* the page's rights are others now: the guest makes the access again */
	EXEC_DENIED   /* the guest gets #GP */
};

/* Handles a second-level page fault. */
enum exec_exit watch_exec_stage2(struct cpu *cpu);

/*
 * Supervisor code may be in these ranges as well, or no longer be in them: for the watch that there is, or the next one. The pages of the latter are closed, as far as this CPU's page tables
 * map them.
 *   list  text: ranges with commas, cut in place
 * Returns NULL, or why not, with nothing changed.
 */
const char *watch_exec_allow(struct cpu *cpu, char *list, bool allow);

#endif
