/* A binary record in the console's words. */
#include "read.h"
#include "trace/format.h"

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
	if (m->tsc_khz && e->record->tsc >= m->tsc_start)
		e->us = (int64_t)((e->record->tsc - m->tsc_start) / m->tsc_khz * 1000);
}
