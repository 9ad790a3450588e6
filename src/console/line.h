/*
 * One line of input as a person at a terminal types and corrects it: cursor keys, history, the control keys
 * of every shell. Pure: bytes in, bytes out, tested on the host.
 */
#ifndef TRAPLINE_LINE_H
#define TRAPLINE_LINE_H

#include <stdbool.h>
#include <stddef.h>

#define LINE_TEXT_MAX 256 /* with its NUL */
#define LINE_HISTORY  16

enum line_event {
	LINE_NOTHING,
	LINE_READY,    /* `text` is complete; line_begin() makes room for the next one */
	LINE_TOO_LONG, /* it was longer than LINE_TEXT_MAX - 1, and is to be refused */
	LINE_TAB,      /* the caller may complete the word: line_insert() */
	LINE_TAB_AGAIN /* right behind a Tab: the caller may list what the word can be */
};

enum line_state {
	LINE_PLAIN,
	LINE_ESCAPE,  /* behind ESC */
	LINE_SEQUENCE /* behind ESC [ or ESC O */
};

struct line {
	char text[LINE_TEXT_MAX];
	unsigned length, cursor;
	bool too_long;
	bool after_tab;
	bool after_cr; /* the LF of a CR LF is none of its own */
	enum line_state state;
	unsigned parameter; /* of the sequence */
	char history[LINE_HISTORY][LINE_TEXT_MAX];
	unsigned saved;  /* lines ever put into the history */
	unsigned browse; /* how far back it is shown; 0: the line that is being typed */
	const char *prompt;
	void (*put)(const char *bytes, size_t n); /* to the terminal; NULL: nobody sees an echo */
};

/* An empty line. History, prompt and put stay. */
void line_begin(struct line *l);

/* The next byte of input, any value. */
enum line_event line_key(struct line *l, char c);

/* Puts text in at the cursor, as far as there is room. */
void line_insert(struct line *l, const char *text);

/* Prompt and line once more, from the left edge on. */
void line_redraw(const struct line *l);

#endif
