// SPDX-License-Identifier: MIT
/* Counts the site of a record as the hot path does (exit/record.h). Returns what sites_find() returns, or NULL. */
#ifndef TRAPLINE_NOTE_SITE_H
#define TRAPLINE_NOTE_SITE_H

#include "trace/sites.h"

static inline struct saved_stack *note_site(struct sites *s, const struct trap_record *r)
{
	struct site_note n = {r->rip, r->tsc, r->cr2, site_key(r)};

	return sites_count(s, &n) ? NULL : sites_find(s, r);
}

#endif
