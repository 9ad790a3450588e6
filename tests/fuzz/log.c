// SPDX-License-Identifier: MIT
/*
 * libFuzzer: what trapline-decode reads, and what the log tells of the kernel and its modules. Every byte that was read is written
 * again; texts are printable; entries, reports and records are within their bounds. A part of the input is a System.map.
 */
#define _GNU_SOURCE
#include "input.h"
#include <stdio.h>
#include "../../guest-tools/decode/map.h"
#include "../../guest-tools/decode/notes.h"
#include "../../guest-tools/decode/options.h"
#include "../../guest-tools/decode/read_file.h"

void complain(const char *format, ...)
{
}

char *read_file(const char *name, size_t *length)
{
	return NULL;
}

void free_file(char *bytes)
{
}

static void check_entry(const struct model *m, size_t i)
{
	const struct entry *e = &m->entry[i];

	assert(is_printable(e->text) && e->run < m->runs && e->story < m->stories);
	assert(e->of == NO_ENTRY || (e->of < i && e->run == m->entry[e->of].run));
	for (size_t k = 0; k < e->fields; k++)
		assert(is_printable(e->field[k].name) && is_printable(e->field[k].value));
	if (!e->record)
		return;
	assert(e->record->code_len <= TRAP_CODE_MAX && e->record->cpl <= 3 && !(e->known & ~KNOWN_ALL));
	assert(!(e->known & KNOWN(CPU)) || e->cpu == e->record->cpu);
}

static void check_stories(const struct model *m)
{
	for (size_t k = 1; k < m->stories; k++) {
		const struct story *s = &m->story[k];

		assert(s->first <= s->last && s->last < m->entries && m->entry[s->first].story == k);
		assert(s->record == NO_ENTRY || m->entry[s->record].record);
	}
}

/* Nothing has a name: what is written is what was read. */
static void check_written(const struct model *m, const uint8_t *data, size_t size)
{
	struct write_options options = {.title = ""};
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert(out);
	write_text(m, out, &options);
	fclose(out);
	if (m->entries && m->entry[0].kind != ENTRY_RECORD)
		assert(length == size && !memcmp(text, data, size));
	free(text);
}

static void check_notes(struct model *m)
{
	struct notes n;

	notes_take(&n, m);
	for (size_t i = 0; i < m->entries; i++) {
		const struct entry *e = &m->entry[i];
		const struct module_note *note = e->record ? notes_module(&n, m, i, e->record->rip) : NULL;

		if (e->record)
			notes_process(&n, m, i, e->record->rip);
		assert(!note || (e->record->rip >= note->base && e->record->rip - note->base < note->size));
	}
	notes_free(&n);
}

static void check_map(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct map *map = map_parse(text);
	const char *module = NULL, *name;
	uint64_t offset = 0;

	for (unsigned shift = 0; map && shift < 64; shift++) {
		name = map_find(map, ~0ull << shift, &offset, &module);
		assert(!name || is_printable(name));
	}
	map_close(map);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct model m;

	model_begin(&m);
	if (!read_any(&m, 0, (const char *)data, size)) {
		link_entries(&m);
		for (size_t i = 0; i < m.entries; i++)
			check_entry(&m, i);
		check_stories(&m);
		check_notes(&m);
		check_written(&m, data, size);
	}
	model_end(&m);
	check_map(data, size);
	return 0;
}
