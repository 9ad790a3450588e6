// SPDX-License-Identifier: MIT
#include "console/line.h"
#include "lib/string.h"

#define CTRL(key) ((key) - 'A' + 1)
#define ESC       '\x1b'
#define DEL       '\x7f'
#define BELL      "\a"

static void show(const struct line *l, const char *bytes, size_t n)
{
	if (l->put && n)
		l->put(bytes, n);
}

static void show_text(const struct line *l, const char *text)
{
	show(l, text, strlen(text));
}

/* Moves the cursor left by printing the line again from the left edge, which works on every terminal. */
void line_redraw(const struct line *l)
{
	show_text(l, "\r");
	show_text(l, l->prompt);
	show(l, l->text, l->length);
	show_text(l, "\x1b[K");
	if (l->cursor == l->length)
		return;
	show_text(l, "\r");
	show_text(l, l->prompt);
	show(l, l->text, l->cursor);
}

void line_begin(struct line *l)
{
	l->length = l->cursor = l->browse = l->parameter = 0;
	l->text[0] = '\0';
	l->too_long = false;
	l->state = LINE_PLAIN;
}

static bool insert_char(struct line *l, char c)
{
	if (l->length == LINE_TEXT_MAX - 1)
		return false;
	memmove(l->text + l->cursor + 1, l->text + l->cursor, l->length - l->cursor + 1);
	l->text[l->cursor++] = c;
	l->length++;
	return true;
}

void line_insert(struct line *l, const char *text)
{
	for (; *text && insert_char(l, *text); text++)
		;
	line_redraw(l);
}

static void type(struct line *l, char c)
{
	bool at_end = l->cursor == l->length;

	if (!insert_char(l, c)) {
		l->too_long = true;
		show_text(l, BELL);
	} else if (at_end) {
		show(l, &c, 1);
	} else {
		line_redraw(l);
	}
}

/* Removes [from, to) from the line; the cursor is then at `from`. */
static void cut(struct line *l, unsigned from, unsigned to)
{
	memmove(l->text + from, l->text + to, l->length - to + 1);
	l->length -= to - from;
	l->cursor = from;
	line_redraw(l);
}

static unsigned word_start(const struct line *l)
{
	unsigned at = l->cursor;

	while (at && l->text[at - 1] == ' ')
		at--;
	while (at && l->text[at - 1] != ' ')
		at--;
	return at;
}

static void move(struct line *l, unsigned to)
{
	if (to > l->length)
		return;
	l->cursor = to;
	line_redraw(l);
}

/* Shows line `back` of the history: 1 is the newest, 0 an empty line. */
static void recall(struct line *l, unsigned back)
{
	unsigned kept = l->saved < LINE_HISTORY ? l->saved : LINE_HISTORY;

	if (back > kept)
		return;
	l->browse = back;
	if (back)
		memcpy(l->text, l->history[(l->saved - back) % LINE_HISTORY], LINE_TEXT_MAX);
	else
		l->text[0] = '\0';
	l->length = l->cursor = (unsigned)strlen(l->text);
	line_redraw(l);
}

/* Stores a line in the history, unless it is empty or the same as the last one. */
static void save(struct line *l)
{
	if (!l->length || (l->saved && !strcmp(l->text, l->history[(l->saved - 1) % LINE_HISTORY])))
		return;
	memcpy(l->history[l->saved++ % LINE_HISTORY], l->text, LINE_TEXT_MAX);
}

static enum line_event enter(struct line *l)
{
	show_text(l, "\r\n");
	if (l->too_long)
		return LINE_TOO_LONG;
	save(l);
	return LINE_READY;
}

static void abandon(struct line *l)
{
	show_text(l, "^C\r\n");
	line_begin(l);
	line_redraw(l);
}

/* Shared by cursor keys and control keys. */
static void left(struct line *l)
{
	if (l->cursor)
		move(l, l->cursor - 1);
}

static void down(struct line *l)
{
	if (l->browse)
		recall(l, l->browse - 1);
}

static void erase_left(struct line *l)
{
	if (l->cursor)
		cut(l, l->cursor - 1, l->cursor);
}

static void erase_right(struct line *l)
{
	if (l->cursor < l->length)
		cut(l, l->cursor, l->cursor + 1);
}

static enum line_event control(struct line *l, char c)
{
	switch (c) {
	case '\r':
	case '\n':
		return enter(l);
	case '\t':
		return LINE_TAB;
	case ESC:
		l->state = LINE_ESCAPE;
		break;
	case '\b':
	case DEL:
		erase_left(l);
		break;
	case CTRL('A'):
		move(l, 0);
		break;
	case CTRL('B'):
		left(l);
		break;
	case CTRL('C'):
		abandon(l);
		break;
	case CTRL('D'):
		erase_right(l);
		break;
	case CTRL('E'):
		move(l, l->length);
		break;
	case CTRL('F'):
		move(l, l->cursor + 1);
		break;
	case CTRL('K'):
		cut(l, l->cursor, l->length);
		l->cursor = l->length;
		break;
	case CTRL('L'):
		line_redraw(l);
		break;
	case CTRL('N'):
		down(l);
		break;
	case CTRL('P'):
		recall(l, l->browse + 1);
		break;
	case CTRL('U'):
		cut(l, 0, l->cursor);
		break;
	case CTRL('W'):
		cut(l, word_start(l), l->cursor);
		break;
	}
	return LINE_NOTHING; /* other control bytes are ignored */
}

/* Keys by number: ESC [ 3 ~ and the like. */
static void numbered_key(struct line *l)
{
	switch (l->parameter) {
	case 1:
	case 7:
		move(l, 0);
		break;
	case 3:
		erase_right(l);
		break;
	case 4:
	case 8:
		move(l, l->length);
		break;
	}
}

/* The last byte of a sequence is 0x40 to 0x7e: ECMA-48 5.4. */
static void end_sequence(struct line *l, char c)
{
	l->state = LINE_PLAIN;
	switch (c) {
	case 'A':
		recall(l, l->browse + 1);
		break;
	case 'B':
		down(l);
		break;
	case 'C':
		move(l, l->cursor + 1);
		break;
	case 'D':
		left(l);
		break;
	case 'F':
		move(l, l->length);
		break;
	case 'H':
		move(l, 0);
		break;
	case '~':
		numbered_key(l);
		break;
	}
}

static void sequence(struct line *l, char c)
{
	if (c >= '0' && c <= '9')
		l->parameter = (l->parameter * 10 + (unsigned)(c - '0')) % 100;
	else if (c >= 0x40 && c <= 0x7e)
		end_sequence(l, c);
	else if (c < ' ') /* a control byte ends an invalid sequence and counts as itself */
		l->state = LINE_PLAIN;
}

static void after_escape(struct line *l, char c)
{
	l->parameter = 0;
	l->state = c == '[' || c == 'O' ? LINE_SEQUENCE : LINE_PLAIN;
}

enum line_event line_key(struct line *l, char c)
{
	bool newline_of_cr = l->after_cr && c == '\n', tab_again = l->after_tab && c == '\t';

	l->after_cr = c == '\r';
	l->after_tab = c == '\t';
	if (newline_of_cr)
		return LINE_NOTHING;
	if (l->state != LINE_PLAIN && c != '\r' && c != '\n') {
		if (l->state == LINE_ESCAPE)
			after_escape(l, c);
		else
			sequence(l, c);
		return LINE_NOTHING;
	}
	l->state = LINE_PLAIN;
	if (tab_again)
		return LINE_TAB_AGAIN;
	if (c >= ' ' && c < DEL) {
		type(l, c);
		return LINE_NOTHING;
	}
	return control(l, c); /* bytes of 0x80 and up are negative, and ignored as well */
}
