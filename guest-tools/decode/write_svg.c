// SPDX-License-Identifier: MIT
/* Writes one picture as a file: the chain of the first full story, or the timeline of the run with most records. */
#include "options.h"
#include "svg.h"
#include "writers.h"

int write_chain_svg(const struct model *m, FILE *out, const struct write_options *options)
{
	for (size_t i = 1; i < m->stories; i++)
		if (!m->story[i].again && svg_chain(out, m, i, true))
			return STATUS_DONE;
	complain("no report of an end in the input: there is no chain to draw");
	return STATUS_FAILED;
}

static unsigned fullest_run(const struct model *m, const struct timeline *t)
{
	size_t most = 0;
	unsigned best = 0;

	for (unsigned run = 0; run < m->runs; run++) {
		size_t n = 0;

		for (size_t i = 0; i < t->records; i++)
			n += t->record[i].run == run && t->record[i].us != NOT_KNOWN;
		if (n > most) {
			most = n;
			best = run;
		}
	}
	return best;
}

int write_timeline_svg(const struct model *m, FILE *out, const struct write_options *options)
{
	struct timeline t;
	bool drawn;

	timeline_make(&t, m);
	drawn = svg_timeline(out, m, &t, fullest_run(m, &t), true);
	timeline_free(&t);
	if (!drawn)
		complain("no record with a time in the input: there is nothing to draw");
	return drawn ? STATUS_DONE : STATUS_FAILED;
}
