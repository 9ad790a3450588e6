// SPDX-License-Identifier: MIT
/* System.map or /proc/kallsyms: addresses and names without code. */
#ifndef DECODE_MAP_H
#define DECODE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map;

/* Returns NULL after a message. */
struct map *map_read(const char *file);
struct map *map_parse(char *text); /* takes and changes the text; NULL: it has no symbol */
void map_close(struct map *map);

bool map_symbol(const struct map *map, const char *name, uint64_t *address);

/* Whether the addresses are those of a running kernel with its modules, to which no slide is added. */
bool map_is_of_running(const struct map *map);

/*
 * Returns the function with the nearest symbol before an address, or NULL if data or the end of the functions is nearer. *module is NULL
 * for the kernel itself.
 */
const char *map_find(const struct map *map, uint64_t address, uint64_t *offset, const char **module);

#endif
