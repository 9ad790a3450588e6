// SPDX-License-Identifier: MIT
/*
 * Pages whose first execution exits. While this is on, no page of the guest's can be executed at first. A page is opened when it is
 * executed, and then it cannot be written: a store closes it again, because its contents are others then. The state of a page is in
 * its own leaf.
 */
#ifndef TRAPLINE_STAGE2_EXEC_H
#define TRAPLINE_STAGE2_EXEC_H

#include "stage2/exec_leaf.h"

/*
 * Switches it on or off, on: with every page closed. Once the guest runs, this and the others are called with the other CPUs held:
 * flush_hold().
 */
void exec_switch(bool on);

enum exec_state exec_state(uint64_t gpa);

/*
 * Opens a page. If no memory is left for its leaf, the large page around it is opened, to execute and to write, until
 * exec_switch().
 */
void exec_open(uint64_t gpa);

/* A store: the page is closed. If it has had all its turns it can be executed and written from now on. */
void exec_close(uint64_t gpa);

/* The page is closed as it was at first. */
void exec_forget(uint64_t gpa);

/* How many pages have had all their turns. */
uint64_t exec_mixed(void);

/* How many bytes of memory have no leaf of their own for want of memory, and are left open. */
uint64_t exec_unseen(void);

#endif
