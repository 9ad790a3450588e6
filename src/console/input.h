// SPDX-License-Identifier: MIT
/*
 * From keys of the UART to commands: the line that is being typed, characters typed ahead, and the CPU that
 * has to carry out a line. All functions but input_run() are called with the log's lock held.
 */
#ifndef TRAPLINE_INPUT_H
#define TRAPLINE_INPUT_H

#include "cpu/cpu.h"

/* The format of answers. */
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

/* The CPU whose registers and page tables commands show. */
extern uint32_t input_cpu;

/* Reads bytes that have arrived; false: there were none. */
bool input_receive(void);

/* For a debugger on the line: bytes that are the operator's after all; whether he has typed nothing yet; he loses the line. */
void input_give(const char *bytes, size_t n);
bool input_is_empty(void);
void input_leave(void);

/* Makes one step, if the text buffer is empty. False: there was nothing to do. */
bool input_turn(void);

/* Whether input_turn() or input_run() have anything to do: keys, a command, or the rest of its answer. */
bool input_waits(void);

/* Shows the prompt, once everything else is printed. Returns false if there is no prompt to show. */
bool input_show(void);

/* Removes prompt and line from the screen, because another line is about to be printed. */
void input_hide(void);

/* Carries out a complete line if it is for this CPU. Returns true while a line waits. */
bool input_run(struct cpu *cpu);

#endif
