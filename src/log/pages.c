// SPDX-License-Identifier: MIT
#include "log/pages.h"
#include "trace/text.h"

#define LOST "(more lines did not fit here)"

void pages_begin(struct pages *p, uint32_t columns, uint32_t rows)
{
	p->columns = columns;
	p->rows = rows;
	p->row_count = p->length = 0;
	p->full = false;
}

uint32_t pages_count(const struct pages *p)
{
	return p->row_count ? (p->row_count + p->rows - 1) / p->rows : 1;
}

static void add_row(struct pages *p, const char *text, uint32_t n)
{
	struct pages_row *row = &p->row[p->row_count++];

	row->at = p->length;
	row->length = n;
	for (uint32_t i = 0; i < n; i++)
		p->text[p->length++] = text[i];
}

/* One row is reserved for the line that says that lines are missing. */
static bool has_room(const struct pages *p, uint32_t n)
{
	return p->row_count + 1 < PAGES_ROWS_MAX && p->length + n + sizeof(LOST) <= PAGES_TEXT_MAX;
}

static void put_row(struct pages *p, const char *text, uint32_t n)
{
	if (p->full)
		return;
	if (has_room(p, n)) {
		add_row(p, text, n);
		return;
	}
	p->full = true;
	add_row(p, LOST, sizeof(LOST) - 1 < p->columns ? sizeof(LOST) - 1 : p->columns);
}

/* How many characters make one row. A word moves to the next row as a whole, unless half of this row would stay empty. */
static uint32_t row_length(const struct pages *p, const char *text)
{
	uint32_t n = 0, cut;

	while (n < p->columns && text[n] && text[n] != '\n')
		n++;
	if (n < p->columns || !text[n] || text[n] == '\n' || text[n] == ' ')
		return n;
	for (cut = n; cut > n / 2 && text[cut - 1] != ' ';)
		cut--;
	return cut > n / 2 ? cut : n;
}

void pages_add(struct pages *p, const char *line)
{
	do {
		uint32_t n = row_length(p, line);

		put_row(p, line, n);
		line += n;
		if (n == p->columns && *line == ' ')
			line++;
		line += *line == '\n';
	} while (*line);
}

#define SET2_RELEASED 0xf0
#define MAKE_MAX      0x80 /* larger values: released keys of set 1, prefixes, answers of the keyboard */
/* Set 1 and set 2. In the other set these codes are keys that few people would press, or no keys. */
#define SET1_BACKSPACE 0x0e
#define SET1_PAGE_UP   0x49
#define SET2_BACKSPACE 0x66
#define SET2_PAGE_UP   0x7d

enum page_key page_keyboard_byte(struct page_keyboard *k, uint8_t byte)
{
	bool released = k->released;

	k->released = byte == SET2_RELEASED;
	if (byte >= MAKE_MAX || !byte || released)
		return PAGE_KEY_NONE;
	switch (byte) {
	case SET1_BACKSPACE:
	case SET1_PAGE_UP:
	case SET2_BACKSPACE:
	case SET2_PAGE_UP:
		return PAGE_KEY_BACK;
	default:
		return PAGE_KEY_NEXT;
	}
}

bool pager_turn(struct pager *p, enum page_key key, uint64_t now, uint64_t khz, uint32_t count)
{
	uint64_t since = now - p->turned;

	if (key != PAGE_KEY_NONE && since < khz * PAGER_KEY_PAUSE)
		return false;
	if (key == PAGE_KEY_NONE && (p->by_hand || since < khz * 1000 * PAGER_SECONDS))
		return false;
	p->by_hand |= key != PAGE_KEY_NONE;
	p->page = (p->page + (key == PAGE_KEY_BACK ? count - 1 : 1)) % count;
	p->turned = now;
	return true;
}

void pager_footer(const struct pager *p, char *out, size_t size, uint32_t count, bool keys)
{
	struct text t = text_on(out, size);

	text_add(&t, "page %u/%u   next: ", p->page + 1, count);
	if (keys)
		text_add(&t, "any key");
	if (!p->by_hand)
		text_add(&t, "%sby itself in %u s", keys ? ", or " : "", PAGER_SECONDS);
	if (keys)
		text_add(&t, "   back: Backspace");
	text_add(&t, "   done: reset");
}
