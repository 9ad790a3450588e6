// SPDX-License-Identifier: MIT
/* The console's work, as exits call it. The console is a layer above, and sets these functions; until then they do nothing. */
#ifndef TRAPLINE_TURN_H
#define TRAPLINE_TURN_H

#include "cpu/cpu.h"
#include "hw/asm.h"

struct turn_taker {
	void (*poll)(struct cpu *cpu);
	void (*serve)(struct cpu *cpu);
	bool (*attends)(const struct cpu *cpu);
	bool (*wants_others)(void);
	void (*hide_prompt)(void);
	void (*finish_line)(void);
	bool (*add_notice)(const char *notice);
	void (*finish)(void);
};
void turn_set(const struct turn_taker *taker);

/* One turn of work: formats at most one record or feeds the FIFO once. Clears CPU_WORK_CONSOLE when nothing is left. */
void turn_serve(struct cpu *cpu);

/* Whether this CPU must not sleep, because it polls for keys or a key has just come. */
bool turn_attends(const struct cpu *cpu);

/* Whether idle CPUs have to poll, because the boot CPU has no exits. */
bool turn_wants_others(void);

extern uint64_t turn_polled; /* the TSC of the last poll, by any CPU */
void turn_poll_now(struct cpu *cpu);

/* Polls for keys and waiting lines, unless less than poll_ticks have passed. Called by exits that happen from time to time. */
static inline void turn_poll(struct cpu *cpu)
{
	if (__builtin_expect(rdtsc() - turn_polled >= cpu->poll_ticks, 0))
		turn_poll_now(cpu);
}

/* Removes the operator's prompt before a line is printed. Called with the log's lock held. */
void turn_hide_prompt(void);

/* Completes the line that the printer is writing, so that it comes before a report. Called with the log's lock held. */
void turn_finish_line(void);

/* Gives the printer a notice that comes after the line that it is writing. False: it writes none. Called with the log's lock held. */
bool turn_add_notice(const char *notice);

/* Prints everything that waits, records included, and waits for the UART. */
void turn_finish(void);

#endif
