// SPDX-License-Identifier: MIT
/*
 * libFuzzer: the line editor, any keys, with a terminal at the other end. After each key the terminal shows
 * the prompt and the line, with its cursor at the editor's position.
 */
#include "input.h"
#include "console/line.h"

#define WIDTH  (LINE_TEXT_MAX + 16)
#define PROMPT "t> "

/* One row of a terminal. It gets only CR, LF, ESC [ K, BEL and printable bytes. */
static struct {
	char row[WIDTH];
	unsigned column;
} terminal;

static void terminal_clear(unsigned from)
{
	memset(terminal.row + from, ' ', WIDTH - from);
}

static void terminal_put(const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] == '\r') {
			terminal.column = 0;
		} else if (bytes[i] == '\n') {
			terminal_clear(0);
		} else if (bytes[i] == '\x1b') {
			assert(i + 2 < n && bytes[i + 1] == '[' && bytes[i + 2] == 'K');
			terminal_clear(terminal.column);
			i += 2;
		} else if (bytes[i] != '\a') {
			assert(bytes[i] >= ' ' && bytes[i] <= '~' && terminal.column < WIDTH);
			terminal.row[terminal.column++] = bytes[i];
		}
	}
}

static void check_line(const struct line *l)
{
	assert(l->length < LINE_TEXT_MAX && l->cursor <= l->length);
	assert(strlen(l->text) == l->length && is_printable(l->text));
	assert(l->browse <= l->saved && l->browse <= LINE_HISTORY);
}

static void check_terminal(const struct line *l)
{
	char row[WIDTH];

	memset(row, ' ', sizeof(row));
	memcpy(row, PROMPT, strlen(PROMPT));
	memcpy(row + strlen(PROMPT), l->text, l->length);
	assert(!memcmp(row, terminal.row, sizeof(row)));
	assert(terminal.column == strlen(PROMPT) + l->cursor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct line *l = calloc(1, sizeof(*l));

	assert(l);
	input_begin(data, size);
	l->prompt = PROMPT;
	l->put = terminal_put;
	terminal_clear(0);
	terminal.column = 0;
	line_begin(l);
	line_redraw(l);
	while (input_left) {
		enum line_event event = line_key(l, (char)take8());

		check_line(l);
		if (event == LINE_TAB)
			line_insert(l, "complete ");
		if (event == LINE_READY || event == LINE_TOO_LONG) {
			line_begin(l);
			line_redraw(l);
		}
		check_line(l);
		check_terminal(l);
	}
	free(l);
	return 0;
}
