// SPDX-License-Identifier: MIT
#include "read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES 65536

struct chunk {
	struct chunk *next;
	size_t used, size;
	max_align_t bytes[];
};

static void *have(void *memory)
{
	if (memory)
		return memory;
	fputs("trapline-decode: out of memory\n", stderr);
	exit(EXIT_FAILURE);
}

void model_begin(struct model *m)
{
	*m = (struct model){0};
	m->story = have(calloc(1, sizeof(*m->story)));
	m->run = have(calloc(1, sizeof(*m->run)));
	m->run[0] = (struct run){.active = NO_ENTRY, .cpus = NOT_KNOWN};
	m->stories = m->story_room = m->runs = m->run_room = 1;
}

void model_end(struct model *m)
{
	while (m->chunk) {
		struct chunk *next = m->chunk->next;

		free(m->chunk);
		m->chunk = next;
	}
	free(m->entry);
	free(m->story);
	free(m->run);
}

void *model_alloc(struct model *m, size_t bytes)
{
	size_t size = (bytes + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
	struct chunk *c = m->chunk;

	if (!c || c->size - c->used < size) {
		size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;

		c = have(calloc(1, sizeof(*c) + room));
		*c = (struct chunk){.next = m->chunk, .size = room};
		m->chunk = c;
	}
	c->used += size;
	return (char *)c->bytes + c->used - size;
}

char *model_text(struct model *m, const char *text, size_t length)
{
	char *copy = model_alloc(m, length + 1);

	memcpy(copy, text, length);
	return copy;
}

void *model_grow(void *array, size_t *room, size_t count, size_t size)
{
	if (count < *room)
		return array;
	*room = *room ? 2 * *room : 64;
	return have(reallocarray(array, *room, size));
}

struct entry *model_add(struct model *m, enum entry_kind kind)
{
	struct entry *e;

	m->entry = model_grow(m->entry, &m->entry_room, m->entries, sizeof(*m->entry));
	e = &m->entry[m->entries++];
	*e = (struct entry){.kind = kind,
		.raw = "",
		.text = "",
		.end = "",
		.us = NOT_KNOWN,
		.cpu = NOT_KNOWN,
		.of = NO_ENTRY};
	return e;
}

const char *entry_field(const struct entry *e, const char *name)
{
	for (size_t i = 0; i < e->fields; i++)
		if (!strcmp(e->field[i].name, name))
			return e->field[i].value;
	return NULL;
}

const char *entry_word(const struct entry *e, size_t n)
{
	for (size_t i = 0; i < e->fields; i++)
		if (!*e->field[i].name && !n--)
			return e->field[i].value;
	return NULL;
}

bool entry_number(const struct entry *e, const char *name, uint64_t *value)
{
	const char *text = entry_field(e, name);
	size_t n = text ? text_number(text, value) : 0;

	return n && !text[n];
}

const char *kind_name(enum entry_kind kind)
{
	static const char *const names[] = {
		[ENTRY_OTHER] = "other",
		[ENTRY_RECORD] = "record",
#define ENTRY_KIND(enumerator, name, begins, where, meaning) [ENTRY_##enumerator] = name,
#include "kinds.def"
#undef ENTRY_KIND
	};

	return names[kind];
}

size_t entry_next(const struct model *m, size_t from, enum entry_kind kind)
{
	for (; from < m->entries; from++)
		if (m->entry[from].kind == kind)
			return from;
	return NO_ENTRY;
}

size_t record_next(const struct model *m, size_t from)
{
	for (; from < m->entries; from++)
		if (m->entry[from].record)
			return from;
	return NO_ENTRY;
}

size_t story_next(const struct model *m, size_t from, unsigned story)
{
	for (; from < m->entries; from++)
		if (m->entry[from].story == story)
			return from;
	return NO_ENTRY;
}
