#include "log/screen.h"
#include "log/font.h"
#include "cpu/cpu.h"
#include "lib/array.h"
#include "mem/host_map.h"
#include "mem/layout.h"

#define CELL_WIDTH  8
#define CELL_HEIGHT 16
#define GREY        0x00e0e0e0u /* the same in RGB and BGR */
#define MORE        "(more on the serial line, and in the black box after a reset)"

#define X(character, rows) rows,
static const char *const font[] = {FONT(X)};
#undef X

_Static_assert(ARRAY_SIZE(font) == FONT_LAST - FONT_FIRST + 1, "one glyph for each character");

static volatile uint32_t *pixels;
static uint32_t columns, rows, row;
static bool taken;

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
}

/* Each point is two rows tall: the cell is one of 8 by 16, and thicker strokes would make 0 and 8 look the
 * same. */
static void draw(uint32_t column, uint32_t line, char c)
{
	const char *glyph = font[(c >= FONT_FIRST && c <= FONT_LAST ? c : '?') - FONT_FIRST];
	volatile uint32_t *at =
		pixels + (uint64_t)line * CELL_HEIGHT * boot_info.screen.stride + column * CELL_WIDTH;

	for (unsigned y = 0; y < 2 * FONT_HEIGHT; y++, at += boot_info.screen.stride)
		for (unsigned x = 0; x < FONT_WIDTH; x++)
			at[x] = glyph[y / 2 * (FONT_WIDTH + 1) + x] == '#' ? GREY : 0;
}

void screen_take(void)
{
	if (!pixels || taken)
		return;
	taken = true;
	for (uint64_t i = 0; i < (uint64_t)boot_info.screen.stride * boot_info.screen.height; i++)
		pixels[i] = 0;
}

static void put_row(const char *text, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++)
		draw(i, row, text[i]);
	row++;
}

/* The text up to the end of the row or of the line. */
static uint32_t part(const char *text)
{
	uint32_t n = 0;

	while (n < columns && text[n] && text[n] != '\n')
		n++;
	return n;
}

void screen_line(const char *line)
{
	if (!taken)
		return;
	while (row + 1 < rows) {
		uint32_t n = part(line);

		put_row(line, n);
		line += n;
		line += *line == '\n';
		if (!*line)
			return;
	}
	if (row < rows)
		put_row(MORE, part(MORE));
}
