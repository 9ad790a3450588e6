/*
 * What an end came from, in plain words: one line `trapline: verdict ...`, the record behind it with registers and stack, and
 * where the exceptions came from. Waits for the UART: for a guest that is dead, or about to be.
 */
#ifndef TRAPLINE_STORY_H
#define TRAPLINE_STORY_H

#include "cpu/cpu.h"

/* Lines of a story on the serial line: five seconds at 115200 baud, if all are full. The black box has the rest. */
#define STORY_LINES 60

/*
 * Tells the story of an end, if there is one: an important record of the kernel's, not older than `seconds`. Where that was
 * told before and nothing came since, it is one line on the serial line, and whole in the black box. A guest that has said
 * that it is dying has one line as well, where nothing else is known.
 *   cpu    this one: where it stands is told
 *   early  what the kernel met counts, although no program has run yet
 *   end    what happened, to follow "2.1 s later": "it halted with interrupts off"
 * Returns whether there was a story.
 */
bool story_tell(struct cpu *cpu, const char *end, bool early, unsigned seconds);

/* Whether there is one to tell. */
bool story_has(bool early, unsigned seconds);

/*
 * For an end without such a record: tells the story of a program that died in the last seconds. A system ends with its first
 * program.
 */
bool story_tell_program(struct cpu *cpu, const char *end);

/*
 * The guest says that it is dying: tells what led to it, else where it stands.
 *   why  the guest's reason in words, to follow "2.1 s later"
 */
void story_dying(struct cpu *cpu, const char *why);

/* Whether it has said so, not longer than `seconds` ago. */
bool story_is_dying(unsigned seconds);

/*
 * For the operator who has stopped the guest, as lines of an answer: what it may have died of, else where its CPUs stand.
 *   cpu  this one
 */
void story_stopped(struct cpu *cpu);

/*
 * The verdict of a triple fault: of its chain's first record, or the story of what led to a recursion that ended in the chain.
 *   n  records of the chain, 1 or more
 */
void story_tell_chain(const struct cpu *cpu, const struct trap_record *chain, unsigned n);

#endif
