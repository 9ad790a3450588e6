/*
 * How far a kernel that loads itself anywhere has moved, from what its CPU shows, against a map of its functions. Pure.
 *
 * The witnesses are the gates of the interrupt table, the address of SYSCALL, and the functions that these call: of two builds of one
 * kernel the former lie at the same distances, the latter do not. More than one has to say the same, and none may say otherwise:
 * a name that is left out is better than a wrong one.
 */
#ifndef TRAPLINE_SLIDE_H
#define TRAPLINE_SLIDE_H

#include "trace/names.h"

#define SLIDE_GATES_MAX 32
#define SLIDE_CALLS_MAX 96
#define SLIDE_CODE      96 /* bytes of an entry point that are looked at for calls */

/* Where a call or jump in an entry point's code leads. */
struct slide_call {
	uint64_t from; /* the entry point */
	uint64_t to;
};

/* What the CPU shows. Entry points whose code cannot be read are none. */
struct slide_seen {
	unsigned gates, calls;
	uint64_t gate[SLIDE_GATES_MAX]; /* each once */
	uint64_t lstar;                 /* 0: none */
	struct slide_call call[SLIDE_CALLS_MAX];
};

#define SLIDE_IDT   1u
#define SLIDE_LSTAR 2u
#define SLIDE_CALLS 4u

enum slide_result {
	SLIDE_OPEN,    /* the CPU shows too little: it runs no system yet */
	SLIDE_FITS,    /* *slide and *witnesses */
	SLIDE_MISFITS, /* the map is of another kernel */
};

void slide_add_gate(struct slide_seen *seen, uint64_t address);

/* The calls and jumps of 32 bits among the bytes at an entry point. Some may be none: it is not decoded. */
void slide_add_code(struct slide_seen *seen, uint64_t address, const uint8_t *code, unsigned n);

enum slide_result slide_find(const struct names_block *b, const struct names_map *m,
	const struct slide_seen *seen, uint64_t *slide, unsigned *witnesses);

/* Whether any gate, or the address of SYSCALL, is a function's beginning with this slide; where none is there, it may still hold. */
bool slide_fits_any(const struct names_block *b, const struct names_map *m, const struct slide_seen *seen,
	uint64_t slide);

/* `idt,lstar,calls` */
void slide_witnesses_add(struct text *t, unsigned witnesses);

#endif
