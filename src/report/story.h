// SPDX-License-Identifier: MIT
/*
 * The cause of an end in plain words: one line `trapline: verdict ...`, the record with registers and stack, and
 * the sources of exceptions. Waits for the UART: only for a guest that is dead, or about to be.
 */
#ifndef TRAPLINE_STORY_H
#define TRAPLINE_STORY_H

#include "cpu/cpu.h"

/* Lines of a story on the serial line: five seconds at 115200 baud if all lines are full. The black box has the rest. */
#define STORY_LINES 60

/*
 * Tells the story of an end, if there is one: an important record of the kernel's, at most `seconds` old. If the story was
 * told before and no important record came since, the serial line gets one line and the black box the whole story. If
 * nothing else is known of a guest that has said that it is dying, it prints one line as well.
 *   cpu    this CPU: the story shows where it stands
 *   end    what happened, to follow "2.1 s later": "it halted with interrupts off"
 *   early  records from before the first program count as well
 * Returns whether there was a story.
 */
bool story_tell(struct cpu *cpu, const char *end, bool early, unsigned seconds);

/* Whether there is a story. */
bool story_has(bool early, unsigned seconds);

/*
 * For an end without such a record: tells the story of a program that died in the last seconds, because a system ends with its
 * first program.
 */
bool story_tell_program(struct cpu *cpu, const char *end);

/*
 * The guest says that it is dying: tells what led to it, or else where the guest stands.
 *   why  the guest's reason in words, to follow "2.1 s later"
 */
void story_dying(struct cpu *cpu, const char *why);

/* Whether the guest has said so in the last `seconds`. */
bool story_is_dying(unsigned seconds);

/*
 * For the operator who has stopped the guest: prints as an answer what the guest may have died of, or otherwise where its CPUs are.
 *   cpu  this CPU
 */
void story_stopped(struct cpu *cpu);

/* What runs from now on is another guest than the one of the records: there are no stories any more. */
void story_over(void);

/*
 * The verdict of a triple fault: from its chain's first record, or the story of what led to a recursion that ended in the chain.
 *   n  records of the chain, 1 or more
 */
void story_tell_chain(const struct cpu *cpu, const struct trap_record *chain, unsigned n);

#endif
