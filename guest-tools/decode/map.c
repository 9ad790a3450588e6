// SPDX-License-Identifier: MIT
#include "map.h"
#include "options.h"
#include "read.h"
#include "read_file.h"
#include "search.h"

#include <stdlib.h>
#include <string.h>

/* No function is longer than this. */
#define OFFSET_MOST (1u << 20)

/* If symbols share an address, the last of these kinds counts. */
enum symbol_kind {
	DATA,
	FUNCTION,
	END /* the end of the functions: no function begins here */
};

struct symbol {
	uint64_t address;
	const char *name, *module;
	enum symbol_kind kind;
};

struct map {
	char *text;
	struct symbol *symbol;
	size_t count, room;
	bool has_functions, has_modules;
};

static enum symbol_kind kind_of(char type, const char *name)
{
	if (!strcmp(name, "_etext") || !strcmp(name, "_einittext"))
		return END;
	return strchr("tTwW", type) ? FUNCTION : DATA;
}

/* ffffffff81000000 T _text, perhaps with [module] after a blank or a tab. Data is stored as well, because a function ends before it. */
static void take_line(struct map *m, char *line)
{
	struct symbol s = {0};
	size_t n = text_hex(line, &s.address);
	char *name, *module, type;

	if (!n || !s.address || line[n] != ' ' || !line[n + 1] || line[n + 2] != ' ')
		return;
	type = line[n + 1];
	name = line + n + 3;
	module = strchr(name, '[');
	n = strcspn(name, " \t\r");
	if (!n)
		return;
	if (module && module > name + n) {
		module[1 + strcspn(module + 1, "]")] = '\0';
		s.module = module + 1;
		m->has_modules = true;
	}
	name[n] = '\0';
	clean_line(name, name, n);
	s.name = name;
	s.kind = kind_of(type, name);
	m->has_functions |= s.kind == FUNCTION;
	m->symbol = model_grow(m->symbol, &m->room, m->count, sizeof(s));
	m->symbol[m->count++] = s;
}

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name; /* in the file's order */
}

struct map *map_parse(char *text)
{
	struct map *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->text = text;
	for (char *line = text, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		take_line(m, line);
	}
	if (m->count)
		qsort(m->symbol, m->count, sizeof(*m->symbol), by_address);
	if (m->has_functions)
		return m;
	map_close(m);
	return NULL;
}

struct map *map_read(const char *file)
{
	size_t length;
	char *text = read_file(file, &length), *copy = text ? strndup(text, length) : NULL;
	struct map *m = copy ? map_parse(copy) : NULL;

	free_file(text);
	if (text && !m)
		complain("%s: no symbols, or all addresses are 0: use System.map, or /proc/kallsyms as root "
			 "reads it",
			file);
	return m;
}

void map_close(struct map *m)
{
	if (!m)
		return;
	free(m->symbol);
	free(m->text);
	free(m);
}

bool map_symbol(const struct map *m, const char *name, uint64_t *address)
{
	for (size_t i = 0; i < m->count; i++)
		if (!m->symbol[i].module && m->symbol[i].kind == FUNCTION &&
			!strcmp(m->symbol[i].name, name)) {
			*address = m->symbol[i].address;
			return true;
		}
	return false;
}

bool map_is_of_running(const struct map *m)
{
	return m->has_modules;
}

static uint64_t address_of(const void *map, size_t i)
{
	return ((const struct map *)map)->symbol[i].address;
}

const char *map_find(const struct map *m, uint64_t address, uint64_t *offset, const char **module)
{
	size_t above = first_above(m->count, address, address_of, m);
	const struct symbol *s = above ? &m->symbol[above - 1] : NULL;

	if (!s || s->kind != FUNCTION || address - s->address > OFFSET_MOST)
		return NULL;
	*offset = address - s->address;
	*module = s->module;
	return s->name;
}
