// SPDX-License-Identifier: MIT
/* The pieces of physical memory in which watches lie. */
#ifndef TRAPLINE_WATCH_PIECE_H
#define TRAPLINE_WATCH_PIECE_H

#include "cpu/cpu.h"
#include "stage2/taken.h"
#include "watch/watch.h"

/* Physically contiguous bytes of one watch. */
struct watch_piece {
	uint64_t first, last; /* inclusive */
	uint64_t linear;      /* of first; with WATCH_LINEAR */
	struct watch *watch;
	uint32_t generation;
	uint8_t access, action;
	bool is_linear;
};

/*
 * Makes the pieces of all watches anew, with the other CPUs held.
 *   cpu  whose page tables translate linear addresses; NULL: there are none yet
 * Returns NULL, or why a watch cannot be had; then there are no pieces.
 */
const char *watch_pieces_make(struct cpu *cpu);
void watch_pieces_clear(void);

/* The pages of the pieces, with the rights to take; *n: how many. */
const struct stage2_range *watch_pieces_pages(unsigned *n);

/* The first piece from number `from` on that has bytes in the page around gpa; NULL: there is none. *n: its number. */
const struct watch_piece *watch_piece_in(uint64_t gpa, unsigned from, unsigned *n);

#endif
