/* The log as it was read. */
#include "writers.h"

int write_text(const struct model *m, FILE *out, const struct write_options *options)
{
	for (size_t i = 0; i < m->entries; i++) {
		const struct entry *e = &m->entry[i];

		fwrite(e->raw, 1, e->raw_length, out);
		fputs(e->end, out);
	}
	return 0;
}
