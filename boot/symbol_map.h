// SPDX-License-Identifier: MIT
/*
 * Reads a file of symbols in nm's format, `hex type name`, and builds the table of its functions. Pure. The file may hold any bytes; lines
 * in another format are counted and left out.
 */
#ifndef TRAPLINE_SYMBOL_MAP_H
#define TRAPLINE_SYMBOL_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <boot/names_layout.h>

/* One line of the file. */
struct symbol_line {
	uint64_t address;
	uint32_t at; /* offset of its name in the file */
	uint16_t length;
	uint16_t rank; /* of several symbols at one address the lowest rank wins */
};

struct symbol_map {
	const char *text;
	struct symbol_line *line; /* memory of the caller */
	uint32_t lines;
	uint32_t first, last; /* sorted lines [first, last) lie within 4 GiB */
	uint32_t count,
		strings_size; /* entries of the table, with those without a name; bytes of the names */
	uint64_t grain;
	/* For the line about the file: */
	uint32_t names, data, aliases, modules, far, cut, bad;
};

/* How many lines symbol_map_read() needs room for. */
size_t symbol_map_lines(const char *text, size_t size);

/*
 * Reads and sorts the file.
 *   size  below 4 GiB
 *   line  room for symbol_map_lines() entries
 */
void symbol_map_read(struct symbol_map *m, const char *text, size_t size, struct symbol_line *line);

/* Size of the table in bytes, a multiple of 8. */
size_t symbol_map_size(const struct symbol_map *m);

/* Writes the table into the block, at offset `at` (a multiple of 8), and describes it in *to: base, grain, count and the offsets. */
void symbol_map_put(const struct symbol_map *m, struct names_map *to, void *block, uint32_t at);

/*
 * Takes the next item of the key `symbols`: a path, then optionally where the code lies.
 *   rest  moved behind the item
 *   path  room for `size` bytes
 *   map   file, how, slide and image are set
 *   why   NULL, or what is wrong with the item
 * Returns false at the end of the list.
 */
bool symbol_map_item(const char **rest, char *path, size_t size, struct names_map *map, const char **why);

#endif
