// SPDX-License-Identifier: MIT
/*
 * Long work in slices. It runs on a stack of its own, so that it can rest in the middle of any function: the guest goes on, and
 * a later exit of the same CPU goes on with the work. There are three such stacks: between two lines of the operator's answer the guest may
 * give commands, and either of them may be found resting when names have to be searched.
 */
#ifndef TRAPLINE_SLICE_H
#define TRAPLINE_SLICE_H

#include "cpu/cpu.h"

enum slice_stack {
	SLICE_OPERATOR,
	SLICE_GUEST,
	SLICE_NAMES,
	SLICE_STACKS
};

/* Takes the stacks. Without memory for one its work is done in one piece. Called once, at start. */
void slice_init(void);

/* Begins the work on this CPU, or goes on with it. Returns true when it is done. */
bool slice_begin(enum slice_stack stack, struct cpu *cpu, void (*work)(void));
bool slice_go_on(enum slice_stack stack);

/*
 * Inside of such work: rests until the next slice. Does nothing elsewhere, and while the guest is stopped. The caller holds no lock but that
 * of the commands.
 */
void slice_rest(void);

#endif
