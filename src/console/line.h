// SPDX-License-Identifier: MIT
/*
 * One line of input that a person types and edits at a terminal: cursor keys, history, the control keys
 * of a shell. Pure: bytes in, bytes out, tested on the host.
 */
#ifndef TRAPLINE_LINE_H
#define TRAPLINE_LINE_H

#include <stdbool.h>
#include <stddef.h>

#define LINE_TEXT_MAX 256 /* with its NUL */
#define LINE_HISTORY  16

enum line_event {
	LINE_NOTHING,
	LINE_READY,    /* `text` is complete; line_begin() starts the next one */
	LINE_TOO_LONG, /* the line is longer than LINE_TEXT_MAX - 1, and has to be refused */
	LINE_TAB,      /* the caller may complete the word: line_insert() */
	LINE_TAB_AGAIN /* right after a Tab: the caller may list the candidates */
};

enum line_state {
	LINE_PLAIN,
	LINE_ESCAPE,  /* after ESC */
	LINE_SEQUENCE /* after ESC [ or ESC O */
};

struct line {
	char text[LINE_TEXT_MAX];
	unsigned length, cursor;
	bool too_long;
	bool after_tab;
	bool after_cr; /* an LF right after a CR is ignored */
	enum line_state state;
	unsigned parameter; /* of the sequence */
	char history[LINE_HISTORY][LINE_TEXT_MAX];
	unsigned saved;  /* total number of lines stored in the history */
	unsigned browse; /* how far back the shown line is; 0: the line that is being typed */
	const char *prompt;
	void (*put)(const char *bytes, size_t n); /* output to the terminal; NULL: no echo */
};

/* Starts an empty line. History, prompt and put stay. */
void line_begin(struct line *l);

/* Takes the next byte of input, of any value. */
enum line_event line_key(struct line *l, char c);

/* Inserts text at the cursor, as much as fits. */
void line_insert(struct line *l, const char *text);

/* Prints prompt and line again from the left edge on. */
void line_redraw(const struct line *l);

#endif
