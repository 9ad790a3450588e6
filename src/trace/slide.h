// SPDX-License-Identifier: MIT
/*
 * Finds the slide of a kernel that loads at any address: compares the CPU's state with the map of its functions. Pure.
 *
 * There are three witnesses: the gates of the interrupt table, the address of SYSCALL (IA32_LSTAR), and the functions that these entry
 * points call. In two builds of a kernel the entry points may have the same distances, because Linux aligns their section to 2 MiB; the
 * functions that they call are elsewhere. Two witnesses have to agree and none may disagree: a missing name is better than a wrong one.
 */
#ifndef TRAPLINE_SLIDE_H
#define TRAPLINE_SLIDE_H

#include "trace/names.h"

#define SLIDE_GATES_MAX 32
#define SLIDE_CALLS_MAX 96
#define SLIDE_CODE      96 /* bytes of an entry point that are searched for calls */

/* A call or jump in the code of an entry point. */
struct slide_call {
	uint64_t from; /* the entry point */
	uint64_t to;
};

#define SLIDE_STEPS 12 /* look-ups in the map, of some 250 instructions each */

/* A search may take millions of instructions: it calls rest() after so many steps. */
struct slide_rest {
	void (*rest)(void);
	unsigned steps; /* since the last rest */
};

/* The state of the CPU. Entry points whose code cannot be read are left out. */
struct slide_seen {
	struct slide_rest *rest; /* NULL: the search does not rest */
	unsigned gates, calls;
	uint64_t gate[SLIDE_GATES_MAX]; /* each address once */
	uint64_t lstar;                 /* 0: none */
	struct slide_call call[SLIDE_CALLS_MAX];
};

#define SLIDE_IDT   1u
#define SLIDE_LSTAR 2u
#define SLIDE_CALLS 4u

enum slide_result {
	SLIDE_OPEN,    /* the state shows too little: no kernel has set it up yet */
	SLIDE_FITS,    /* *slide and *witnesses are set */
	SLIDE_MISFITS, /* the map belongs to another kernel */
};

/* Adds the handler's address of a gate. */
void slide_add_gate(struct slide_seen *seen, uint64_t address);

/*
 * Adds the calls and jumps with a distance of 32 bits in the code of an entry point. The code is not decoded: some of them may be parts of
 * other instructions.
 */
void slide_add_code(struct slide_seen *seen, uint64_t address, const uint8_t *code, unsigned n);

/*
 * Searches for the one slide that fits the state.
 *   b, m       the map
 *   slide      a multiple of m->grain
 *   witnesses  SLIDE_IDT and so on
 */
enum slide_result slide_find(const struct names_block *b, const struct names_map *m,
	const struct slide_seen *seen, uint64_t *slide, unsigned *witnesses);

/* Whether this slide is possible: a gate or the address of SYSCALL is the start of a function, or the state shows no gates. */
bool slide_fits_any(const struct names_block *b, const struct names_map *m, const struct slide_seen *seen,
	uint64_t slide);

/* Appends `idt,lstar,calls`. */
void slide_witnesses_add(struct text *t, unsigned witnesses);

#endif
