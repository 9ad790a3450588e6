// SPDX-License-Identifier: MIT
/*
 * libFuzzer: a file of symbols, any bytes, and what a CPU may show. The table that is made of the file has its functions in order,
 * each with a name that can stand in a line, and a look-up finds what a walk along the table finds. A slide that is found makes an
 * entry point a function's beginning. trapline.conf's list of files is taken apart as well.
 */
#include "input.h"
#include "symbol_map.h"
#include "trace/slide.h"

static void check_lookups(const struct names_block *b, const struct names_map *m)
{
	const uint32_t *offset = (const uint32_t *)((const char *)b + m->offsets);
	const char *name = (const char *)b + m->strings, *end = name + m->strings_size;
	struct name n;

	assert(!names_map_find(b, m, m->base - 1, &n));
	for (uint32_t i = 0; i < m->count; name += strlen(name) + 1, i++) {
		uint64_t at = m->base + offset[i], next = i + 1 < m->count ? offset[i + 1] : offset[i] + 2ull;

		assert(name < end && strlen(name) < NAMES_NAME_MAX && (*name || i));
		assert(next > offset[i]);
		for (const char *c = name; *c; c++)
			assert(*c > ' ' && *c <= '~' && *c != '"' && *c != '\\');
		assert(names_map_find(b, m, at, &n) == (*name != '\0') && n.text == name && !n.offset);
		if (next - offset[i] > 1 && offset[i] < UINT32_MAX)
			assert(names_map_find(b, m, at + 1, &n) == (*name != '\0') && n.text == name &&
				n.offset == 1);
		assert(names_map_starts(b, m, at) == (*name != '\0'));
	}
	assert(name == end);
}

static void check_slide(const struct names_block *b, const struct names_map *m)
{
	struct slide_seen seen = {.lstar = take8() & 1 ? take64() : m->base + ((uint64_t)take8() << 21)};
	unsigned gates = take8() % SLIDE_GATES_MAX, witnesses = 0;
	const uint32_t *offset = (const uint32_t *)((const char *)b + m->offsets);
	uint64_t slide = 0, moved = (uint64_t)take8() << 21;

	for (unsigned i = 0; i < gates; i++) {
		uint64_t at = m->base + offset[take8() % m->count] + moved;
		uint8_t code[SLIDE_CODE];

		take(code, sizeof(code));
		slide_add_gate(&seen, at);
		slide_add_code(&seen, at, code, sizeof(code));
	}
	if (slide_find(b, m, &seen, &slide, &witnesses) != SLIDE_FITS)
		return;
	assert(!(slide & (m->grain - 1)) && witnesses && (!slide || witnesses & (witnesses - 1)));
	assert(!seen.lstar || names_map_starts(b, m, seen.lstar - slide));
	assert(slide_fits_any(b, m, &seen, slide));
}

static void check_list(void)
{
	char *list = take_string(), path[16];
	const char *rest = list, *why;
	struct names_map map;

	while (symbol_map_item(&rest, path, sizeof(path), &map, &why)) {
		assert(strlen(path) < sizeof(path) && !strpbrk(path, ", \t"));
		assert(memchr(map.file, 0, sizeof(map.file)) && memchr(map.image, 0, sizeof(map.image)));
	}
	assert(!*rest);
	free(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t text = size > 2 ? (size_t)(data[0] | data[1] << 8) % (size - 1) : 0, bytes;
	char *copy = malloc(text ? text : 1); /* of just that size: one byte more is caught */
	struct symbol_line *line;
	struct names_block *b;
	struct symbol_map m;

	input_begin(data, size);
	take8();
	take8();
	take(copy, text);
	line = malloc(symbol_map_lines(copy, text) * sizeof(*line));
	symbol_map_read(&m, copy, text, line);
	bytes = symbol_map_size(&m);
	assert(m.names <= m.count && m.lines <= symbol_map_lines(copy, text) && !m.names == !m.count);
	b = calloc(1, sizeof(*b) + bytes);
	symbol_map_put(&m, &b->map[0], b, sizeof(*b));
	if (m.count) {
		check_lookups(b, &b->map[0]);
		check_slide(b, &b->map[0]);
	}
	check_list();
	free(b);
	free(line);
	free(copy);
	return 0;
}
