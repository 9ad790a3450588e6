// SPDX-License-Identifier: MIT
#include "place.h"
#include "read.h"
#include "symbols.h"
#include "lib/array.h"

#include <string.h>

#define PLACES_MAX 64

struct found {
	struct place place[PLACES_MAX];
	size_t count;
};

static void add(struct symbols *s, struct model *m, size_t i, struct found *f, const char *field,
	uint64_t address, bool after)
{
	struct place p = {.field = field, .address = address};

	if (f->count == PLACES_MAX)
		return;
	p.frames = symbols_frames(s, m, i, address, after, &p.frame);
	if (p.frames)
		f->place[f->count++] = p;
}

/* An address, or CS:RIP. */
static bool address_of(const char *value, uint64_t *address)
{
	const char *colon = strchr(value, ':');
	size_t n;

	if (colon)
		value = colon + 1;
	n = text_number(value, address);
	return n && !value[n];
}

static void add_fields(struct symbols *s, struct model *m, size_t i, struct found *f)
{
	static const char *const names[] = {"at", "rip", "to", "next"};
	const struct entry *e = &m->entry[i];
	uint64_t address;

	for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
		const char *value = entry_field(e, names[k]);

		if (value && address_of(value, &address))
			add(s, m, i, f, names[k], address, !strcmp(names[k], "next"));
	}
}

/* A word of a stack after a call is a return address. A word at a function's beginning is a pointer to the function. */
static void add_stack(struct symbols *s, struct model *m, size_t i, struct found *f)
{
	const char *word;
	uint64_t address;

	for (size_t n = 2; (word = entry_word(&m->entry[i], n)); n++) {
		size_t digits = text_hex(word, &address), before = f->count;

		if (!digits || word[digits])
			continue;
		add(s, m, i, f, "stack", address, false);
		if (f->count == before)
			continue;
		if (f->place[before].frame[f->place[before].frames - 1].offset) {
			f->count = before;
			add(s, m, i, f, "stack", address, true);
		}
	}
}

static void add_by(struct symbols *s, struct model *m, size_t i, struct found *f)
{
	const char *word = entry_word(&m->entry[i], 1);
	uint64_t address;

	if (word && address_of(word, &address))
		add(s, m, i, f, "by", address, true);
}

/* The page tables' own addresses are physical. */
static void add_places(struct symbols *s, struct model *m, size_t i, struct found *f)
{
	switch (m->entry[i].kind) {
	case ENTRY_BY:
		return add_by(s, m, i, f);
	case ENTRY_STACK:
		return add_stack(s, m, i, f);
	case ENTRY_OTHER:
	case ENTRY_WALK:
	case ENTRY_MARK:
		return;
	default:
		return add_fields(s, m, i, f);
	}
}

int place_entries(struct model *m, const struct options *o)
{
	struct symbols s;

	symbols_begin(&s, m, o);
	for (size_t i = 0; i < m->entries; i++) {
		struct found f = {.count = 0};

		add_places(&s, m, i, &f);
		m->entry[i].places = f.count;
		if (f.count)
			m->entry[i].place = memcpy(model_alloc(m, f.count * sizeof(*f.place)), f.place,
				f.count * sizeof(*f.place));
	}
	symbols_end(&s);
	return s.useless ? STATUS_NO_SYMBOLS : STATUS_DONE;
}
