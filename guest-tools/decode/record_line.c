// SPDX-License-Identifier: MIT
/* A binary record in the console's words. */
#include "read.h"
#include "trace/format.h"

/* Seconds, as in t=. */
static int64_t microseconds(const struct trap_clock *clock, uint64_t tsc)
{
	uint64_t ticks = tsc - clock->tsc_start, khz = clock->tsc_khz;

	if (!khz || tsc < clock->tsc_start || ticks / khz > INT64_MAX / 2000)
		return NOT_KNOWN;
	return (int64_t)(ticks / khz * 1000 + ticks % khz * 1000 / khz);
}

void record_to_line(struct model *m, struct entry *e)
{
	struct trap_clock clock = {.tsc_start = m->tsc_start, .tsc_khz = m->tsc_khz};
	char line[TRAP_LINE_MAX];
	size_t n = trap_format(line, sizeof(line), e->record, &clock);

	e->text = model_text(m, line, n);
	e->raw = e->text;
	e->raw_length = n;
	e->end = "\n";
	logfmt_split(m, e);
	e->us = microseconds(&clock, e->record->tsc);
}
