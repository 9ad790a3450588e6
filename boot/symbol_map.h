/*
 * A file of symbols as nm prints it, `hex type name` a line, read for the addresses of functions. Pure. The file may hold anything:
 * what is no such line is counted and left out.
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
	uint32_t at; /* its name, in the file */
	uint16_t length;
	uint16_t rank; /* of several at one address the lowest is taken */
};

struct symbol_map {
	const char *text;
	struct symbol_line *line; /* the caller's memory */
	uint32_t lines;
	uint32_t first, last; /* of those, after sorting: from first on, below last, lie within 4 GiB */
	uint32_t count,
		strings_size; /* entries that the table gets, those without a name included; bytes of their names */
	uint64_t grain;
	/* For people: */
	uint32_t names, data, aliases, modules, far, cut, bad;
};

/* The most lines that there can be in it: how many `line` has to hold. */
size_t symbol_map_lines(const char *text, size_t size);

/*
 * Reads all of it.
 *   text  below 4 GiB
 *   line  room for symbol_map_lines() of them
 */
void symbol_map_read(struct symbol_map *m, const char *text, size_t size, struct symbol_line *line);

/* Bytes that its arrays take, a multiple of 8. */
size_t symbol_map_size(const struct symbol_map *m);

/* Writes them into the block at `at`, a multiple of 8, and where they are into *to, whose other members stay. */
void symbol_map_put(const struct symbol_map *m, struct names_map *to, void *block, uint32_t at);

/*
 * The next item of trapline.conf's `symbols`: a path and, behind a blank, where its code lies.
 *   rest  moved behind it
 *   path  room for `size` bytes
 *   map   how, slide and image are filled
 * Returns false at the end. *why: NULL, or what is wrong with it; then it does not count.
 */
bool symbol_map_item(const char **rest, char *path, size_t size, struct names_map *map, const char **why);

#endif
