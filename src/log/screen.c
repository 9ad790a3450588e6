// SPDX-License-Identifier: MIT
#include "log/screen.h"
#include "log/font.h"
#include "log/pages.h"
#include "cpu/cpu.h"
#include "cpu/moment.h"
#include "hw/asm.h"
#include "lib/array.h"
#include "lib/string.h"
#include "mem/host_map.h"
#include "mem/layout.h"

#define CELL_WIDTH  8
#define CELL_HEIGHT 16
#define GREY        0x00e0e0e0u /* the same value in RGB and BGR */
#define MORE        "(the report continues)"
#define FOOTER_MAX  120

/* The keyboard controller of a PC. */
#define KBC_DATA      0x60
#define KBC_STATUS    0x64
#define KBC_HAS_BYTE  0x01
#define KBC_BUSY      0x02
#define KBC_MOUSE     0x20 /* the byte comes from the mouse */
#define KBC_ENABLE    0xae
#define KBC_NONE      0xff
#define KBC_BURST_MAX 1024 /* bytes without a pause: no keyboard sends so many */

#define X(character, rows) rows,
static const char *const font[] = {FONT(X)};
#undef X

_Static_assert(ARRAY_SIZE(font) == FONT_LAST - FONT_FIRST + 1, "one glyph for each character");

static volatile uint32_t *pixels;
static uint32_t columns, rows;
static bool taken;
static struct pages pages;
static struct pager pager;

void screen_init(void)
{
	const struct boot_screen *s = &boot_info.screen;
	uint64_t base = s->base & ~(PAGE_SIZE - 1), offset = s->base - base;
	uint64_t size = (offset + (uint64_t)s->stride * s->height * sizeof(*pixels) + PAGE_SIZE - 1) &
			~(PAGE_SIZE - 1);
	volatile char *at;

	if (!s->base || !boot_info.config.screen)
		return;
	at = host_map_device(base, size);
	if (!at)
		return;
	pixels = (volatile uint32_t *)(at + offset);
	columns = s->width / CELL_WIDTH;
	rows = s->height / CELL_HEIGHT;
	if (rows < 2 || !columns)
		pixels = NULL;
}

/*
 * Each point is two rows tall, which makes a cell of 8 by 16. Thicker strokes would make 0 and 8 look the
 * same.
 */
static void draw(uint32_t column, uint32_t line, char c)
{
	const char *glyph = font[(c >= FONT_FIRST && c <= FONT_LAST ? c : '?') - FONT_FIRST];
	volatile uint32_t *at =
		pixels + (uint64_t)line * CELL_HEIGHT * boot_info.screen.stride + column * CELL_WIDTH;

	for (unsigned y = 0; y < 2 * FONT_HEIGHT; y++, at += boot_info.screen.stride)
		for (unsigned x = 0; x < FONT_WIDTH; x++)
			at[x] = glyph[y / 2 * (FONT_WIDTH + 1) + x] == '#' ? GREY : 0;
}

static void clear(void)
{
	for (uint64_t i = 0; i < (uint64_t)boot_info.screen.stride * boot_info.screen.height; i++)
		pixels[i] = 0;
}

void screen_take(void)
{
	if (!pixels || taken)
		return;
	clear();
	pages_begin(&pages, columns, rows - 1);
	taken = true;
}

/* Draws a full row of the screen, which erases its old contents. */
static void draw_line(uint32_t line, const char *text, uint32_t n)
{
	for (uint32_t i = 0; i < columns; i++)
		draw(i, line, i < n ? text[i] : ' ');
}

static void draw_row(uint32_t n)
{
	const struct pages_row *row = &pages.row[n];

	draw_line(n % pages.rows, pages.text + row->at, row->length);
}

void screen_line(const char *line)
{
	uint32_t n = pages.row_count;

	if (!taken)
		return;
	pages_add(&pages, line);
	for (; n < pages.row_count && n < pages.rows; n++)
		draw_row(n);
	if (n < pages.row_count)
		draw_line(rows - 1, MORE, sizeof(MORE) - 1);
}

static bool has_keyboard = true; /* until an access shows that there is none */

/* With a USB keyboard the firmware's SMM handler emulates the controller, so its SMI is not blocked meanwhile. */
static uint8_t keyboard_in(uint16_t port)
{
	uint8_t value;

	moment_open();
	value = inb(port);
	moment_close();
	return value;
}

static void keyboard_enable(void)
{
	moment_open();
	outb(KBC_STATUS, KBC_ENABLE);
	moment_close();
}

/* Without a controller its ports read as ones. Nothing waits here: a poll is two reads at most. */
static enum page_key poll_keyboard(void)
{
	static struct page_keyboard keyboard;
	static unsigned burst;
	uint8_t status = has_keyboard ? keyboard_in(KBC_STATUS) : KBC_NONE, byte;

	if (status == KBC_NONE || burst > KBC_BURST_MAX) {
		has_keyboard = false;
		return PAGE_KEY_NONE;
	}
	if (!(status & KBC_HAS_BYTE)) {
		burst = 0;
		return PAGE_KEY_NONE;
	}
	burst++;
	byte = keyboard_in(KBC_DATA);
	return status & KBC_MOUSE ? PAGE_KEY_NONE : page_keyboard_byte(&keyboard, byte);
}

static void draw_page(void)
{
	char footer[FOOTER_MAX];
	uint32_t from = pager.page * pages.rows;

	for (uint32_t n = from; n < from + pages.rows; n++)
		if (n < pages.row_count)
			draw_row(n);
		else
			draw_line(n - from, "", 0);
	pager_footer(&pager, footer, sizeof(footer), pages_count(&pages), has_keyboard);
	draw_line(rows - 1, footer, (uint32_t)strlen(footer));
}

/* The guest may have disabled the keyboard. Keys typed before its end do not turn a page. */
static void begin_browsing(void)
{
	for (unsigned i = 0; i < KBC_BURST_MAX && has_keyboard && keyboard_in(KBC_STATUS) & KBC_HAS_BYTE; i++)
		poll_keyboard();
	if (has_keyboard && !(keyboard_in(KBC_STATUS) & KBC_BUSY))
		keyboard_enable();
	pager.turned = rdtsc();
	draw_page();
}

bool screen_browse(void)
{
	static bool begun;

	if (!taken || pages_count(&pages) < 2)
		return false;
	if (!begun)
		begin_browsing();
	begun = true;
	if (pager_turn(&pager, poll_keyboard(), rdtsc(), boot_info.tsc_khz, pages_count(&pages)))
		draw_page();
	return true;
}
