// SPDX-License-Identifier: MIT
/* System.map, or /proc/kallsyms: addresses and names, without a file that has code. */
#ifndef DECODE_MAP_H
#define DECODE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map;

/* NULL after a message. */
struct map *map_read(const char *file);
struct map *map_parse(char *text); /* which it changes and keeps; NULL: there is no symbol in it */
void map_close(struct map *map);

bool map_symbol(const struct map *map, const char *name, uint64_t *address);

/* Addresses of a running kernel, with its modules in them: nothing is to be added to them. */
bool map_is_of_running(const struct map *map);

/* The function whose symbol is the nearest before an address. NULL: data, or an end of functions, is nearer. *module: NULL for the kernel itself. */
const char *map_find(const struct map *map, uint64_t address, uint64_t *offset, const char **module);

#endif
