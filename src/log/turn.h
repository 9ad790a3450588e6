/*
 * What exits ask of the console, which stands above them: it sets what is done. Before it has, nothing is.
 */
#ifndef TRAPLINE_TURN_H
#define TRAPLINE_TURN_H

#include "cpu/cpu.h"
#include "hw/asm.h"

struct turn_taker {
	void (*look)(struct cpu *cpu);
	void (*serve)(struct cpu *cpu);
	bool (*attends)(const struct cpu *cpu);
	bool (*wants_others)(void);
	void (*hide_prompt)(void);
	void (*finish)(void);
};
void turn_set(const struct turn_taker *taker);

/* A turn of work: formats at most one record or feeds the FIFO once. Clears CPU_WORK_CONSOLE when all is out. */
void console_serve(struct cpu *cpu);

/* Whether this CPU is the one that looks for keys, or has seen one a moment ago: it is not to sleep. */
bool console_attends(const struct cpu *cpu);

/* Whether CPUs with nothing to do are to look now and then, because nothing brings the boot CPU to do so. */
bool console_wants_others(void);

extern uint64_t console_looked; /* the TSC when somebody has looked last */
void console_look_now(struct cpu *cpu);

/* Something has exited that does so now and then: is it time to see whether a key was pressed, or lines were left? */
static inline void console_look(struct cpu *cpu)
{
	if (__builtin_expect(rdtsc() - console_looked >= cpu->look_ticks, 0))
		console_look_now(cpu);
}

/* Takes the operator's prompt off the screen: a line is about to be printed. With the log's lock held. */
void turn_hide_prompt(void);

/* Prints all that waits, records included, and waits for the UART. */
void console_finish(void);

#endif
