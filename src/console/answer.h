// SPDX-License-Identifier: MIT
/*
 * The commands of the guest's calls are carried out in slices, by the CPU that made the call: the call is made again and again until its
 * command is done.
 */
#ifndef TRAPLINE_ANSWER_H
#define TRAPLINE_ANSWER_H

#include "cpu/cpu.h"

/* The next slice. False: this CPU has none. */
bool answer_serve(struct cpu *cpu);

/*
 * For a CPU that waits for the commands' lock: wakes the CPU whose command rests. If that CPU does not come, its command is given up, and the
 * lock is free.
 */
void answer_hurry(void);

#endif
