// SPDX-License-Identifier: MIT
/* The pieces of physical memory in which watches lie. */
#ifndef TRAPLINE_WATCH_PIECE_H
#define TRAPLINE_WATCH_PIECE_H

#include "cpu/cpu.h"
#include "stage2/taken.h"
#include "watch/watch.h"

/* Bytes of one watch that are contiguous, both physically and in its own space. */
struct watch_piece {
	uint64_t first, last; /* physical, inclusive */
	uint64_t linear;      /* of the first one; a physical watch: the same as `first` */
	struct watch *watch;
	uint32_t generation;
	uint8_t access, action;
	bool follows;   /* of a watch that follows */
	bool is_entry;  /* an entry of the page tables through which a watch follows its address space */
	uint64_t entry; /* and its value when it led to the pages */
};

/*
 * Compares the entries of page tables with what they were, except for the bits that the CPU sets. True: one has changed, and the next
 * watch_pieces_make() finds the pages of the watches that follow anew.
 */
bool watch_pieces_moved(void);

/*
 * Brings the pieces in line with the table of watches, with the other CPUs held. Those of a watch that was there before stay as they
 * are: its address space may be gone by now, and the page tables of another one may be in use.
 * A watch that cannot follow its pages keeps the entries of page tables that it had, until one of them changes. A line tells it.
 *   new_id  the watch that is being added; 0: none
 * Returns NULL, or why that watch cannot be had; it has no pieces then, and all others have theirs.
 */
const char *watch_pieces_make(uint16_t new_id);

/* Drops what the last watch_pieces_make() has added for new watches. Returns whether the one with the number had any. */
bool watch_pieces_drop_new(uint16_t id);

/* Instead of the last watch_pieces_make(): leaves the watches that follow the entries that they had, with a line that says why. */
void watch_pieces_stop(const char *why);

void watch_pieces_clear(void);

/* The pages of the pieces, with the rights to take; *n: how many. */
const struct stage2_range *watch_pieces_pages(unsigned *n);

/* The first piece from number `from` on that has bytes in the page around gpa; NULL: there is none. *n: its number. */
const struct watch_piece *watch_piece_in(uint64_t gpa, unsigned from, unsigned *n);

#endif
