// SPDX-License-Identifier: MIT
/* Records as they lie in a ring, with or without the header of record_file.h. */
#include "read.h"

#include <stdio.h>
#include <string.h>
#include <trapline/record_file.h>

static bool has_header(const char *bytes, size_t length)
{
	return length >= sizeof(struct record_file) &&
	       !memcmp(bytes, RECORD_FILE_MAGIC, sizeof(((struct record_file *)0)->magic));
}

/* The slot is empty, or the record is being written. */
static bool is_empty(const struct trap_record *r)
{
	return !r->seq;
}

/* Whether each field has a possible value. */
static bool is_believable(const struct trap_record *r)
{
	return r->cpl <= 3 && r->code_len <= TRAP_CODE_MAX &&
	       (r->mode == 16 || r->mode == 32 || r->mode == 64);
}

static void add_record(struct model *m, unsigned source, size_t number, const struct trap_record *r)
{
	struct entry *e = model_add(m, ENTRY_RECORD);

	e->source = source;
	e->line = number;
	e->record = model_alloc(m, sizeof(*r));
	*e->record = *r;
	e->known = KNOWN_ALL;
	e->cpu = r->cpu;
	record_to_line(m, e);
}

static const char *take_header(struct model *m, const char *bytes)
{
	static char why[128];
	struct record_file h;

	memcpy(&h, bytes, sizeof(h));
	if (h.version != TRAP_RECORD_VERSION || h.record_size != sizeof(struct trap_record)) {
		snprintf(why, sizeof(why),
			"records of version %u with %u bytes each; this trapline-decode knows version %d "
			"with %zu",
			h.version, h.record_size, TRAP_RECORD_VERSION, sizeof(struct trap_record));
		return why;
	}
	m->tsc_start = h.tsc_start;
	m->tsc_khz = h.tsc_khz;
	return NULL;
}

const char *read_records(struct model *m, unsigned source, const char *bytes, size_t length)
{
	size_t number = 0, begin = has_header(bytes, length) ? sizeof(struct record_file) : 0;
	const char *why = begin ? take_header(m, bytes) : NULL;
	struct trap_record r;

	for (size_t at = begin; !why && length - at >= sizeof(r); at += sizeof(r)) {
		memcpy(&r, bytes + at, sizeof(r));
		number++;
		if (!is_empty(&r) && is_believable(&r))
			add_record(m, source, number, &r);
	}
	return why;
}

/* In a ring without a header every slot has a record or is empty, and at least one is not empty. */
static bool resembles_ring(const char *bytes, size_t length)
{
	size_t records = 0;
	struct trap_record r;

	if (!length || length % sizeof(r))
		return false;
	for (size_t at = 0; at < length; at += sizeof(r)) {
		memcpy(&r, bytes + at, sizeof(r));
		if (!is_empty(&r) && !is_believable(&r))
			return false;
		records += !is_empty(&r);
	}
	return records > 0;
}

const char *read_any(struct model *m, unsigned source, const char *bytes, size_t length)
{
	if (length >= 4 && !memcmp(bytes, "\177ELF", 4))
		return "this is a program or a module, not a log: give it to --vmlinux or --module";
	if (has_header(bytes, length) || resembles_ring(bytes, length))
		return read_records(m, source, bytes, length);
	read_text(m, source, bytes, length);
	return NULL;
}
