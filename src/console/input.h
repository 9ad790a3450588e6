/*
 * Keys from the UART to commands: the line that is being typed, what was typed ahead of it, and which CPU has
 * to carry it out. All but input_run() are called with the log's lock held.
 */
#ifndef TRAPLINE_INPUT_H
#define TRAPLINE_INPUT_H

#include "cpu/cpu.h"

/* How answers look. */
#define INPUT_OUTPUTS(X)                                                                                     \
	X(INPUT_TERMINAL, "terminal", "for people: echo, line editing, a prompt")                            \
	X(INPUT_LOGFMT, "logfmt",                                                                            \
		"for scripts: no echo and no prompt; each answer ends with a line: done command= "           \
		"status=ok|error why=")

#define X(name, text, meaning) name,
enum input_output {
	INPUT_OUTPUTS(X)
};
#undef X

extern enum input_output input_output;

/* The CPU whose registers and page tables commands look at. */
extern uint32_t input_cpu;

/* Fetches what has come in; false: nothing. */
bool input_receive(void);

/* One step of what is to be done, with the text empty. False: nothing. */
bool input_turn(void);

/* Whether there is anything for input_turn() or input_run() to do: keys, a command, more of its answer. */
bool input_waits(void);

/* Shows the prompt, once everything else is out. Returns false when there is none to show. */
bool input_show(void);

/* Takes prompt and line off the screen: something else is about to be printed. */
void input_hide(void);

/* Carries out a complete line if it is for this CPU. True while one waits. */
bool input_run(struct cpu *cpu);

#endif
