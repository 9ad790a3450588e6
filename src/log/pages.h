// SPDX-License-Identifier: MIT
/* A report as pages of a screen: lines become rows, rows become pages, and a key or the clock turns them. Pure: tested on the host. */
#ifndef TRAPLINE_PAGES_H
#define TRAPLINE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGES_TEXT_MAX 0xc000u
#define PAGES_ROWS_MAX 2048u

struct pages {
	uint32_t columns, rows; /* of a page; the screen's last row is separate */
	uint32_t row_count;
	uint32_t length; /* of the text */
	bool full;       /* the last row says that lines are missing */
	struct pages_row {
		uint32_t at, length;
	} row[PAGES_ROWS_MAX];
	char text[PAGES_TEXT_MAX];
};

/*
 * Starts an empty report.
 *   columns, rows  1 or more
 */
void pages_begin(struct pages *p, uint32_t columns, uint32_t rows);

/* Adds one or several lines without their end. A line that is too long continues in the next row, at a blank if there is one. */
void pages_add(struct pages *p, const char *line);

/* The number of pages, 1 or more. */
uint32_t pages_count(const struct pages *p);

/* The meaning of a byte of the keyboard controller. */
enum page_key {
	PAGE_KEY_NONE,
	PAGE_KEY_NEXT,
	PAGE_KEY_BACK, /* Backspace, Page Up */
};

struct page_keyboard {
	bool released; /* the next byte is a released key */
};

/* Reads scan codes of set 1 and of set 2, because the guest chooses which one the controller sends. */
enum page_key page_keyboard_byte(struct page_keyboard *k, uint8_t byte);

#define PAGER_SECONDS   15  /* time until a page turns by itself, as long as no key was pressed */
#define PAGER_KEY_PAUSE 200 /* milliseconds: a key that is held down turns pages no faster */

struct pager {
	uint32_t page;
	uint64_t turned; /* TSC of the last turn */
	bool by_hand;    /* a key was pressed: from then on only keys turn pages */
};

/*
 * Whether another page has to be shown, which p->page then names. The first page follows the last.
 *   now, khz  the TSC, and its frequency
 *   count     number of pages
 */
bool pager_turn(struct pager *p, enum page_key key, uint64_t now, uint64_t khz, uint32_t count);

/*
 * Writes the screen's last row: "page 1/3", and how to turn the page.
 *   keys  there is a keyboard
 */
void pager_footer(const struct pager *p, char *out, size_t size, uint32_t count, bool keys);

#endif
